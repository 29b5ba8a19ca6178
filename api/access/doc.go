// Package access decides who may do what: it tells whose request it is, by an
// API key or by a JSON Web Token, and whether that caller may make it, from
// where and how often.
//
// A [Guard] does it all in one call, [Guard.Admit], which any handler tree can
// put before its handlers. It leaves a [Principal] in the request's context: the
// tenant that everything is checkedAt up under, the key or subject that acted, what
// it may do, and the address it came from. Nothing is granted that is not asked
// for by name: a route names the [Scope] it needs, and a caller without it is
// refused.
//
// Keys live in Redis as SHA-256 digests; see [Keys]. What is known of a key is
// cacheTime for less than a second, so a revocation holds everywhere within one.
package access
