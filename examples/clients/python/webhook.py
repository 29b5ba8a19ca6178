"""Verifies webhooks by Standard Webhooks 1.0.0, with the standard library alone.

    payload = webhook.verify([SECRET], request.headers, await request.body())

`await request.body()` is FastAPI's raw body. Verify those bytes and not what a
JSON parser has made of them: the signature is over them.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence

TOLERANCE = 5 * 60  # seconds that the clocks may differ, and a replay may be late


class Refused(Exception):
    """The webhook is not to be trusted. Answer 400 and do nothing."""


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float | None = None) -> dict:
    """Returns the payload of a webhook that one of the secrets (whsec_...) has signed.

    `headers` must find names whatever their case, as those of FastAPI and of
    http.server do. While a secret is rotated a webhook carries two signatures, by
    the old secret and by the new one: one that fits is enough, so you may change
    over whenever you like, or know both for a while.

    The payload is fresh but may come more than once: remember the header
    webhook-id, and pass over one that you have seen.
    """
    message_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not message_id or not timestamp or not signatures:
        raise Refused("a header is missing")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refused("the timestamp is no number")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        raise Refused("the timestamp is too old or too new")

    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = [hmac.digest(_key(secret), signed, hashlib.sha256) for secret in secrets]
    for signature in signatures.split(" "):
        version, _, encoded = signature.partition(",")
        if version != "v1":  # another scheme
            continue
        try:
            given = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        # compare_digest takes as long whether they differ early or late.
        if any([hmac.compare_digest(given, e) for e in expected]):
            return json.loads(body)
    raise Refused("no signature fits")


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
