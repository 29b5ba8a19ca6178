package endpoints

// Every key of this package. The braces make Redis Cluster put a tenant's keys
// into one slot.
const (
	keyPrefix     = "spillway:webhooks:{"
	keyMiddle     = "}:"
	endpointsKind = "endpoints"
	keyringKind   = "secret"
)

// Keys that belong to no tenant.
const (
	ownersKey  = "spillway:webhooks:owners"  // set: tenants that have, or had, endpoints or a secret
	indexedKey = "spillway:webhooks:indexed" // there while the owners need not be looked for among all keys
)

func keyOf(tenant, kind string) string { return keyPrefix + tenant + keyMiddle + kind }

func recordsKey(tenant string) string { return keyOf(tenant, endpointsKind) } // hash: endpoint ID → record
func secretKey(tenant string) string  { return keyOf(tenant, keyringKind) }   // hash: one field, what signs the tenant's callbacks
func failingKey(tenant string) string { return keyOf(tenant, "failing") }     // hash: endpoint ID → Unix ms of the first failure in a row
func triesKey(tenant string) string   { return keyOf(tenant, "tries") }       // stream: one entry per try
