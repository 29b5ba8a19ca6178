package endpoints

// Every key of this package. The braces make Redis Cluster put a tenant's keys
// into one slot.

func recordsKey(tenant string) string { return "spillway:webhooks:{" + tenant + "}:endpoints" } // hash: endpoint ID → record
func failingKey(tenant string) string { return "spillway:webhooks:{" + tenant + "}:failing" }   // hash: endpoint ID → Unix ms of the first failure in a row
func triesKey(tenant string) string   { return "spillway:webhooks:{" + tenant + "}:tries" }     // stream: one entry per try
