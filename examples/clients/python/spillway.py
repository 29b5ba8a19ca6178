"""A client of Spillway's API, with the standard library alone (Python 3.11).

Copy this file into your project. It blocks while it waits: in FastAPI call it
from plain `def` endpoints and background tasks, which run in a thread pool, or
keep its logic and put httpx in place of urllib.

    client = Client.from_env()                     # SPILLWAY_URL, SPILLWAY_API_KEY
    job = client.submit("A02", opportunity, key=f"opportunity-{row.id}-v{row.version}")
    job = client.wait(job)
    if job["state"] == "succeeded":
        print(job["result"])
"""

import http.client
import json
import os
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple


class Problem(Exception):
    """An answer of 400 or more: application/problem+json (RFC 9457).

    Decide by `code`, which never changes; show `detail` to people; quote
    `request_id` to the operator of Spillway.
    """

    def __init__(self, status: int, body: dict[str, Any], retry_after: float = 1):
        self.status, self.retry_after = status, retry_after  # seconds; of 429 and 503
        self.code: str = body.get("code", "unknown")  # e.g. a proxy's own page
        self.detail: str = body.get("detail", "")
        self.errors: list[dict[str, str]] = body.get("errors", [])
        self.request_id: str = body.get("request_id", "")
        super().__init__(f"{status} {self.code}: {self.detail} (request {self.request_id})")


# What may pass: 429 and 503, and no answer, or half of one.
TRANSIENT = (Problem, OSError, http.client.HTTPException)


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: Any  # None where there is none, as in 204 and 304


class Client:
    def __init__(self, url: str, api_key: str, tries: int = 6, timeout: float = 90):
        """`timeout` is in seconds and of one request; keep it above `hold` in wait."""
        self.url, self.api_key, self.tries, self.timeout = url.rstrip("/"), api_key, tries, timeout

    @classmethod
    def from_env(cls) -> "Client":
        return cls(os.environ.get("SPILLWAY_URL", "http://127.0.0.1:8080"), os.environ.get("SPILLWAY_API_KEY", ""))

    def submit(self, agent: str, input: dict, key: str = "", hold: int = 0, **fields: Any) -> dict:
        """Submits a job, or returns the one that `key` has created before.

        Derive the key from your own data (a row and its version), so that a crash
        of yours between two tries makes no second job either. `hold` waits that
        many seconds for the end. `fields` are the others of a submission:
        language, privacy, deadline, run_at, priority, callback_url, metadata, ...
        """
        headers = {"Idempotency-Key": json.dumps(key or str(uuid.uuid4()))}  # in double quotes
        if hold:
            headers["Prefer"] = f"wait={hold}"
        return self.request("POST", "/jobs", {"agent": agent, "input": input, **fields}, headers).body

    def get(self, job_id: str) -> dict:
        return self.request("GET", f"/jobs/{job_id}").body

    def wait(self, job: dict, patience: float = 600, hold: int = 30) -> dict:
        """Returns the job when it has ended, or as it is after `patience` seconds.

        Each request is held by the server until the job has ended, `hold` seconds
        at most. If-None-Match saves the body when nothing has changed.
        """
        give_up, etag = time.monotonic() + patience, ""
        while job["state"] in ("scheduled", "queued", "running") and time.monotonic() < give_up:
            headers = {"Prefer": f"wait={hold}"}
            if etag:
                headers["If-None-Match"] = etag
            answer = self.request("GET", f"/jobs/{job['id']}", headers=headers)
            etag = answer.headers["ETag"]
            if answer.status != 304:
                job = answer.body
            # A held request took its time. If the server was full it held none,
            # and Retry-After says when to ask again.
            if "Retry-After" in answer.headers and "Preference-Applied" not in answer.headers:
                time.sleep(min(float(answer.headers["Retry-After"]), max(0, give_up - time.monotonic())))
        return job

    def events(self, job_id: str, after: int = 0) -> Iterator[dict]:
        """Yields the job's events, each once and in order, until there are no more.

        A broken connection is resumed where it broke off. To go on in
        another process, keep the sequence_number of the last event and pass it.
        """
        failures = 0
        while True:
            request = self._request("GET", f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(after)})
            try:
                # The server sends a comment every 15 s, so silence means that the connection is lost.
                with self._open(request, timeout=60) as stream:
                    if stream.status == 204:  # the job has ended, and we have all of it
                        return
                    for message in _messages(stream):
                        if "data" in message:
                            event = json.loads(message["data"])
                            after, failures = event["sequence_number"], 0
                            yield event
                # Closed: ask again, since only a 204 means that nothing is left.
            except TRANSIENT as error:
                failures += 1
                time.sleep(self._pause(error, failures))

    def cancel(self, job_id: str) -> dict:
        """Cancels the job, even while it runs. Raises Problem conflict if it has ended otherwise."""
        return self.request("POST", f"/jobs/{job_id}/cancel").body

    def batch(self, submissions: list[dict]) -> dict:
        """Submits up to 1,000 jobs. Each has its own outcome; give each an idempotency_key."""
        return self.request("POST", "/jobs/batch", {"jobs": submissions}).body

    def jobs(self, **filters: Any) -> Iterator[dict]:
        """Yields the jobs that match, the newest first, page after page: state, agent, metadata, ..."""
        path = "/jobs?" + urllib.parse.urlencode(filters, doseq=True)
        while path:
            answer = self.request("GET", path)
            yield from answer.body["data"]
            path = _next(answer.headers["Link"])

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """Sends a request until it is answered; raises Problem if it is refused.

        Nothing here does harm when it is sent again: reads, cancels, and
        submissions with their keys.
        """
        request = self._request(method, path, body, headers)
        failures = 0
        while True:
            try:
                with self._open(request, self.timeout) as response:
                    raw = response.read()
                    return Answer(response.status, response.headers, json.loads(raw) if raw else None)
            except TRANSIENT as error:
                failures += 1
                time.sleep(self._pause(error, failures))

    def _pause(self, error: Exception, failures: int) -> float:
        """Returns the seconds until the next try, or raises the error if there is none."""
        if failures >= self.tries or isinstance(error, Problem) and error.status not in (429, 503):
            raise error
        seconds = error.retry_after if isinstance(error, Problem) else 0.5 * 2**failures
        return seconds + random.uniform(0, 1 + seconds / 4)  # so that not all come back at once

    def _request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None):
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        if self.api_key:
            request.add_header("Authorization", "Bearer " + self.api_key)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        return request

    def _open(self, request: urllib.request.Request, timeout: float):
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as answer:
            if answer.status == 304:  # urllib takes it for an error
                return answer
            with answer:
                raise _problem(answer) from None


def _problem(answer: urllib.error.HTTPError) -> Problem:
    try:
        body = json.loads(answer.read())
    except ValueError:  # not from Spillway, but from something on the way
        body = {"detail": answer.reason}
    return Problem(answer.status, body, float(answer.headers.get("Retry-After", 1)))


def _messages(stream: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    """Yields Server-Sent Events. One that breaks off before its blank line does not count."""
    message: dict[str, str] = {}
    for raw in stream:
        line = raw.decode().rstrip("\r\n")
        if not line and message:
            yield message
            message = {}
        elif line and not line.startswith(":"):  # which is a comment
            field, _, value = line.partition(":")
            message[field] = value.removeprefix(" ")


def _next(link: str | None) -> str:
    """Returns the path of the next page in a Link header (RFC 8288), or ""."""
    match = re.search(r'<([^>]*)>; *rel="next"', link or "")
    return match[1] if match else ""
