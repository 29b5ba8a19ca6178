"""Receives webhooks, with the standard library alone: python3 receiver.py [PORT]

SPILLWAY_WEBHOOK_SECRET is the secret of the endpoint; two, separated by a comma,
while it is rotated. In FastAPI the same is:

    @app.post("/hooks/spillway")
    async def spillway(request: Request):
        try:
            payload = webhook.verify(SECRETS, request.headers, await request.body())
        except webhook.Refused:
            return Response(status_code=400)
        if first_time(request.headers["webhook-id"]):  # INSERT ... ON CONFLICT DO NOTHING
            queue_up(payload)
        return Response(status_code=204)
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import webhook

SECRETS = os.environ["SPILLWAY_WEBHOOK_SECRET"].split(",")
LARGEST = 1 << 20  # bytes; webhooks are smaller
seen: set[str] = set()  # in your database, so that a restart does not forget


class Receiver(BaseHTTPRequestHandler):
    timeout = 15  # seconds for a request to arrive

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > LARGEST:
            return self.answer(413)
        body = self.rfile.read(length)
        try:
            payload = webhook.verify(SECRETS, self.headers, body)
        except webhook.Refused as why:
            print("refused:", why, flush=True)
            return self.answer(400)
        if self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            print("received:", payload["type"], payload["data"].get("id", ""), flush=True)
        # Answer soon, and do long work elsewhere: what is not answered with a 2xx
        # within 10 s comes again.
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass  # we print what matters


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        print("listening:", f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
