// Receives webhooks, without packages: node receiver.mjs [PORT]
//
// SPILLWAY_WEBHOOK_SECRET is the secret of the endpoint; two, separated by a comma,
// while it is rotated. With Express the same goes in a handler behind
// express.raw({ type: "application/json" }), which leaves the body as it came.

import { createServer } from "node:http";
import { Refused, verify } from "./webhook.mjs";

const secrets = process.env.SPILLWAY_WEBHOOK_SECRET.split(",");
const largest = 1 << 20; // bytes; webhooks are smaller
const seen = new Set(); // in your database, so that a restart does not forget

const server = createServer({ requestTimeout: 15_000 }, async (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  if (request.method !== "POST") return answer(405);
  try {
    const payload = verify(secrets, request.headers, await bodyOf(request));
    const id = request.headers["webhook-id"];
    if (!seen.has(id)) {
      seen.add(id);
      console.log("received:", payload.type, payload.data.id ?? "");
    }
    // Answer soon, and do long work elsewhere: what is not answered with a 2xx within
    // 10 s comes again.
    answer(204);
  } catch (error) {
    console.log("refused:", error.message);
    answer(error instanceof Refused ? 400 : 500);
  }
});

async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > largest) throw new Refused("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

server.listen(Number(process.argv[2] ?? 8000), "127.0.0.1", () => {
  console.log("listening:", `http://127.0.0.1:${server.address().port}`);
});
