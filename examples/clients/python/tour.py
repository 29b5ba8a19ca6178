"""Shows what Spillway's API can do: python3 tour.py

SPILLWAY_URL is the server's URL, SPILLWAY_API_KEY your API key.
"""

import sys
import uuid
from datetime import UTC, datetime, timedelta

from spillway import Client, Problem

OPPORTUNITY = {"product": "PCR-ABS", "authority": "high", "budget_allocated": "yes"}


def main() -> None:
    client = Client.from_env()
    tour = str(uuid.uuid4())
    metadata = {"tour": tour}  # what you list your jobs by, such as the row they belong to

    # Submit. The same key again, because of a timeout for example, is the same job.
    job = client.submit("A02", OPPORTUNITY, key=tour, language="en", metadata=metadata, hold=1)
    again = client.submit("A02", OPPORTUNITY, key=tour, language="en", metadata=metadata)
    print("submitted:", job["id"], "once" if again["id"] == job["id"] else "TWICE")

    # Wait. `degraded` means that no model could answer, and the agent's rules did.
    job = client.wait(job)
    if job["state"] != "succeeded":
        sys.exit(f"{job['state']}: {job.get('error')}")
    print(f"result: score {job['result']['score']} by {job['answered_by']}, degraded {str(job['degraded']).lower()}")

    # Follow. Past events come too, each once.
    for event in client.events(job["id"]):
        if event["type"] != "job.delta":  # pieces of the answer, while a model writes it
            print(f"event: {event['sequence_number']} {event['type']}")

    # Cancel one that is for later.
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    job = client.submit("A02", OPPORTUNITY, run_at=later, metadata=metadata)
    print("canceled:", client.cancel(job["id"])["state"])

    # Many at once. A fault in one does not affect the others.
    inputs = [{"product": "PCR-PC"}, {"product": "PCR-PP"}, {"product": "PCR-PE", "authority": "boss"}]
    outcomes = client.batch(
        [
            {"agent": "A02", "input": i, "metadata": metadata, "idempotency_key": f"{tour}-{n}"}
            for n, i in enumerate(inputs)
        ]
    )["outcomes"]
    for outcome in outcomes:
        problem = outcome.get("problem")
        print("batch:", outcome["status"], problem["code"] if problem else outcome["job"]["agent"])

    # List, page by page.
    found = list(client.jobs(metadata=f"tour:{tour}", limit=2))
    print("listed:", len(found))

    # Mistakes have a code, and a pointer into the body.
    try:
        client.submit("A02", {"product": "PCR-PE", "authority": "boss"})
    except Problem as problem:
        print("refused:", problem.code, " ".join(e["pointer"] for e in problem.errors))


if __name__ == "__main__":
    main()
