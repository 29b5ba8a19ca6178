// Package contract checks requests against openapi.yaml: their paths and methods,
// query parameters, bodies, and the scopes that their callers need. What the
// generated code of package spec does not enforce is enforced here, from the
// same document, so that what is published is what holds.
package contract
