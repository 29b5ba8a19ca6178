// Package audit keeps the record of who changed what: one line of JSON for each
// change, appended to a file and chained by hashes, so that a line that was
// changed, removed, inserted or moved is found out by [Verify].
//
// A [Log] is asked for a place before a change is made, and given the line
// before the caller is told: where the line cannot be kept, the change is
// refused. Lines that come at the same time are written and synced together, so
// that a busy API waits for the disk about as long as an idle one.
//
// A line tells who, from where, what and how it ended. It holds no inputs, no
// results and no secrets.
package audit
