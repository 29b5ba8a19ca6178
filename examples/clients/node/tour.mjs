// Shows what Spillway's API can do: node tour.mjs
//
// SPILLWAY_URL is the server's URL, SPILLWAY_API_KEY your API key.

import { randomUUID } from "node:crypto";
import { Client, Problem } from "./spillway.mjs";

const client = Client.fromEnv();
const input = { product: "PCR-ABS", authority: "high", budget_allocated: "yes" };
const tour = randomUUID();
const metadata = { tour }; // what you list your jobs by, such as the row they belong to

// Submit. The same key again, because of a timeout for example, is the same job.
const submission = { agent: "A02", input, language: "en", metadata };
let job = await client.submit(submission, { key: tour, hold: 1 });
const again = await client.submit(submission, { key: tour });
console.log("submitted:", job.id, again.id === job.id ? "once" : "TWICE");

// Wait. `degraded` means that no model could answer, and the agent's rules did.
job = await client.wait(job);
if (job.state !== "succeeded") {
  console.error(`${job.state}:`, job.error);
  process.exit(1);
}
console.log(`result: score ${job.result.score} by ${job.answered_by}, degraded ${job.degraded}`);

// Follow. Past events come too, each once.
for await (const event of client.events(job.id)) {
  if (event.type !== "job.delta") {
    console.log(`event: ${event.sequence_number} ${event.type}`); // deltas are pieces of the answer, as a model writes it
  }
}

// Cancel one that is for later.
const later = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
job = await client.submit({ agent: "A02", input, run_at: later, metadata });
console.log("canceled:", (await client.cancel(job.id)).state);

// Many at once. A fault in one does not affect the others.
const inputs = [{ product: "PCR-PC" }, { product: "PCR-PP" }, { product: "PCR-PE", authority: "boss" }];
const { outcomes } = await client.batch(
  inputs.map((input, n) => ({ agent: "A02", input, metadata, idempotency_key: `${tour}-${n}` })),
);
for (const { status, job, problem } of outcomes) {
  console.log("batch:", status, problem ? problem.code : job.agent);
}

// List, page by page.
let found = 0;
for await (const _ of client.jobs({ metadata: `tour:${tour}`, limit: 2 })) found++;
console.log("listed:", found);

// Mistakes have a code, and a pointer into the body.
try {
  await client.submit({ agent: "A02", input: { product: "PCR-PE", authority: "boss" } });
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.log("refused:", error.code, error.errors.map((e) => e.pointer).join(" "));
}
