// Package httpx is the part of an HTTP server that does not depend on what is
// served: deadlines for slow callers, long waits that keep no handler's stack,
// problems (RFC 9457), Server-Sent Events, and the request headers that every
// operation reads alike. The API and the operators' listener share it.
package httpx
