// Package admin serves operators: the dashboard of the queues, health, probes
// and profiles, on a listener of its own.
//
// Everything but the probes and the page to log in needs a credential with the
// scope admin:read, in the Authorization header or as a session that was begun
// at that page; what changes something needs admin:write, is refused when it
// comes from another site, and leaves an audit line.
//
// The pages fetch nothing from elsewhere, and can be framed by nobody.
package admin
