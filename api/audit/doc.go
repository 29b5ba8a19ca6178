// Package audit records who changed what: one line of JSON for each change,
// appended to a file and chained by hashes, so that [Verify] finds a line that was
// changed, removed, inserted or moved.
//
// The line of a change is reserved in a [Log] before the change is made, and
// written before the caller gets an answer: if it cannot be written, the change is
// refused. Lines that come at the same time are written and synced together, so
// that a busy API waits for the disk about as long as an idle one.
//
// A line has who made a change, from where, what it was and how it ended. It holds
// no inputs, no results and no secrets.
package audit
