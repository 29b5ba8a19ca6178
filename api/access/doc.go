// Package access authenticates callers by API key or JSON Web Token, and decides
// what each may do, from where and how often.
//
// A [Guard] does this in one call, [Guard.Admit], which any handler tree can put
// before its handlers. It leaves a [Principal] in the request's context: the tenant,
// the key or subject that acts, its scopes, and the address it calls from. A route
// names the [Scope] that it needs, and a caller without it is refused.
//
// Keys are in Redis as SHA-256 digests; see [Keys]. They are cached for less than a
// second, so a revocation takes effect everywhere within one.
package access
