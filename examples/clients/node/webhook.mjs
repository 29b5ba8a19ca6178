// Verifies webhooks by Standard Webhooks 1.0.0, without packages.
//
//   const payload = verify([secret], request.headers, rawBody);
//
// rawBody is the Buffer that came, such as express.raw() gives, and not what a JSON
// parser has made of it: the signature is over those bytes.

import { createHmac, timingSafeEqual } from "node:crypto";

const tolerance = 5 * 60; // seconds that the clocks may differ, and a replay may be late

/** The webhook is not to be trusted. Answer 400 and do nothing. */
export class Refused extends Error {}

/**
 * Returns the payload of a webhook that one of the secrets (whsec_...) has signed.
 * `headers` are as node:http gives them, names in lower case. While a secret is
 * rotated a webhook carries two signatures, by the old secret and by the new one:
 * one that fits is enough, so you may change over whenever you like, or know both
 * for a while.
 *
 * The payload is fresh but may come more than once: remember the header webhook-id,
 * and pass over one that you have seen.
 */
export function verify(secrets, headers, body, now = Date.now() / 1000) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !timestamp || !signatures) throw new Refused("a header is missing");
  if (!/^[0-9]+$/.test(timestamp)) throw new Refused("the timestamp is no number");
  if (Math.abs(now - Number(timestamp)) > tolerance) throw new Refused("the timestamp is too old or too new");

  const expected = secrets.map((secret) =>
    createHmac("sha256", Buffer.from(secret.replace(/^whsec_/, ""), "base64"))
      .update(`${id}.${timestamp}.`)
      .update(body)
      .digest(),
  );
  for (const signature of signatures.split(" ")) {
    const [version, encoded = ""] = signature.split(",");
    if (version !== "v1") continue; // another scheme
    const given = Buffer.from(encoded, "base64");
    // timingSafeEqual takes as long whether they differ early or late.
    if (expected.some((e) => given.length === e.length && timingSafeEqual(given, e))) return JSON.parse(body);
  }
  throw new Refused("no signature fits");
}
