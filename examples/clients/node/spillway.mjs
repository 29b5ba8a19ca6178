// A client of Spillway's API for Node 20 or newer, without packages.
//
//   const client = Client.fromEnv();               // SPILLWAY_URL, SPILLWAY_API_KEY
//   let job = await client.submit({ agent: "A02", input }, { key: `opportunity-${row.id}-v${row.version}` });
//   job = await client.wait(job);
//   if (job.state === "succeeded") console.log(job.result);

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * An answer of 400 or more: application/problem+json (RFC 9457). Decide by
 * `code`, which never changes; show `detail` to people; quote `requestId` to
 * the operator of Spillway.
 */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(`${status} ${body.code ?? "unknown"}: ${body.detail ?? ""} (request ${body.request_id ?? ""})`);
    this.status = status;
    this.code = body.code ?? "unknown"; // e.g. a proxy's own page
    this.detail = body.detail ?? "";
    this.errors = body.errors ?? [];
    this.requestId = body.request_id ?? "";
    this.retryAfter = retryAfter; // seconds; of 429 and 503
  }
}

export class Client {
  constructor(url, apiKey, { tries = 6, timeout = 90 } = {}) {
    this.url = url.replace(/\/$/, "");
    this.apiKey = apiKey;
    this.tries = tries;
    this.timeout = timeout; // seconds, of one request; keep it above `hold` in wait
  }

  static fromEnv(env = process.env) {
    return new Client(env.SPILLWAY_URL ?? "http://127.0.0.1:8080", env.SPILLWAY_API_KEY ?? "");
  }

  /**
   * Submits a job, or returns the one that `key` has created before. Derive the key
   * from your own data (a row and its version), so that a crash of yours between
   * two tries makes no second job either. `hold` waits that many seconds for the
   * end.
   */
  async submit(submission, { key = randomUUID(), hold = 0 } = {}) {
    const headers = { "Idempotency-Key": JSON.stringify(key) }; // in double quotes
    if (hold > 0) headers.Prefer = `wait=${hold}`;
    return (await this.request("POST", "/jobs", { body: submission, headers })).body;
  }

  async get(id) {
    return (await this.request("GET", `/jobs/${id}`)).body;
  }

  /**
   * Returns the job when it has ended, or as it is after `patience` seconds.
   * Each request is held by the server until the job has ended, `hold` seconds at
   * most. If-None-Match saves the body when nothing has changed.
   */
  async wait(job, { patience = 600, hold = 30 } = {}) {
    const giveUp = Date.now() + patience * 1000;
    let etag;
    while (["scheduled", "queued", "running"].includes(job.state) && Date.now() < giveUp) {
      const headers = { Prefer: `wait=${hold}` };
      if (etag) headers["If-None-Match"] = etag;
      const answer = await this.request("GET", `/jobs/${job.id}`, { headers });
      etag = answer.headers.get("etag");
      if (answer.status !== 304) job = answer.body;
      // A held request took its time. If the server was full it held none, and
      // Retry-After says when to ask again.
      const retryAfter = answer.headers.get("retry-after");
      if (retryAfter && !answer.headers.has("preference-applied")) {
        await sleep(Math.min(Number(retryAfter) * 1000, Math.max(0, giveUp - Date.now())));
      }
    }
    return job;
  }

  /**
   * Yields the job's events, each once and in order, until there are no more. A
   * broken connection is resumed where it broke off. To go on in another
   * process, keep the sequence_number of the last event and pass it.
   */
  async *events(id, after = 0) {
    for (let failures = 0; ; ) {
      const silence = new AbortController();
      try {
        const response = await this.#fetch("GET", `/jobs/${id}/events`, {
          headers: { "Last-Event-ID": String(after) },
          signal: silence.signal,
        });
        if (response.status === 204) return; // the job has ended, and we have all of it
        for await (const message of messages(response.body, silence)) {
          if (!message.data) continue;
          const event = JSON.parse(message.data);
          after = event.sequence_number;
          failures = 0;
          yield event;
        }
        // Closed: ask again, since only a 204 means that nothing is left.
      } catch (error) {
        await this.#pause(error, ++failures);
      } finally {
        silence.abort(); // also when the caller has heard enough
      }
    }
  }

  /** Cancels the job, even while it runs. Throws Problem conflict if it has ended otherwise. */
  async cancel(id) {
    return (await this.request("POST", `/jobs/${id}/cancel`)).body;
  }

  /** Submits up to 1,000 jobs. Each has its own outcome; give each an idempotency_key. */
  async batch(submissions) {
    return (await this.request("POST", "/jobs/batch", { body: { jobs: submissions } })).body;
  }

  /** Yields the jobs that match, the newest first, page after page: state, agent, metadata, ... */
  async *jobs(filters = {}) {
    let path = "/jobs?" + new URLSearchParams(filters);
    while (path) {
      const answer = await this.request("GET", path);
      yield* answer.body.data;
      path = answer.headers.get("link")?.match(/<([^>]*)>; *rel="next"/)?.[1];
    }
  }

  /**
   * Sends a request until it is answered; throws Problem if it is refused. Nothing
   * here does harm when it is sent again: reads, cancels, and submissions with
   * their keys.
   */
  async request(method, path, { body, headers } = {}) {
    for (let failures = 0; ; ) {
      try {
        const signal = AbortSignal.timeout(this.timeout * 1000);
        const response = await this.#fetch(method, path, { body, headers, signal });
        const text = await response.text();
        return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
      } catch (error) {
        await this.#pause(error, ++failures);
      }
    }
  }

  async #fetch(method, path, { body, headers = {}, signal }) {
    headers = { ...headers };
    if (this.apiKey) headers.Authorization = `Bearer ${this.apiKey}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(this.url + path, { method, headers, body: JSON.stringify(body), signal });
    if (response.status < 400) return response;
    const problem = await response.json().catch(() => ({ detail: response.statusText })); // not from Spillway
    throw new Problem(response.status, problem, Number(response.headers.get("retry-after") ?? 1));
  }

  /** Waits until it is time for the next try, or throws the error if there is none. */
  async #pause(error, failures) {
    const refused = error instanceof Problem;
    // 429 and 503 may pass, and so may no answer (TypeError) or one that took too long.
    const mayPass = refused ? [429, 503].includes(error.status) : error instanceof TypeError || error instanceof DOMException;
    if (!mayPass || failures >= this.tries) throw error;
    const seconds = refused ? error.retryAfter : 0.5 * 2 ** failures;
    await sleep((seconds + Math.random() * (1 + seconds / 4)) * 1000); // so that not all come back at once
  }
}

/**
 * Yields Server-Sent Events. One that breaks off before its blank line does not
 * count. The server sends a comment every 15 s, so silence means that the connection is lost.
 */
async function* messages(stream, silence) {
  let rest = "";
  let timer;
  try {
    const watch = () => (timer = setTimeout(() => silence.abort(new DOMException("silence", "TimeoutError")), 60_000));
    watch();
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer);
      watch();
      const parts = (rest + chunk).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const lines = part.split("\n").filter((line) => line && !line.startsWith(":")); // which is a comment
        yield Object.fromEntries(lines.map((line) => line.match(/^([^:]*):? ?(.*)$/).slice(1)));
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
