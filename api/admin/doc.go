// Package admin serves operators on a listener of its own: the dashboard of the
// queues, metrics, health, probes and profiles.
//
// Everything but the probes and the login page needs a credential with the scope
// admin:read, in the Authorization header or as a session that began at the login
// page. What changes something needs admin:write, is refused when a page of another
// site asks for it, and is recorded in the audit log.
//
// The pages fetch nothing from elsewhere, and cannot be framed.
package admin
