// Package webhook tells a job's owner that the job has ended: one signed POST
// to the job's callback URL, repeated until the receiver takes it or a schedule
// of about three days is used up.
//
// # The way of a webhook
//
//	outbox stream → Relay → queue "webhooks" → Handler → Courier → receiver
//
// The store writes every change of state to an outbox, in the script that makes
// the change, so an ended job always has its entry. A [Relay] turns the entry
// into a notice on the queue and acknowledges it only after that: a crash in
// between makes the same notice again, under the same ID. A [Handler] loads the
// job, builds the payload and answers with a [queue.Retry] that says when to
// come back, or with [queue.ErrGivenUp]. A [Courier] signs and posts.
//
// # What a receiver may count on
//
// A webhook comes at least once, perhaps out of order, and keeps its webhook-id
// over all tries, so the ID is the receiver's idempotency key. Signatures follow
// Standard Webhooks 1.0.0; while secrets are rotated there is one signature for
// each. Only a 2xx answer counts as received, redirects are not followed, and
// 410 ends the tries.
//
// # What tenants are protected from
//
// Each tenant has a lane to each host, with as many deliveries at once as the host
// bears: more while it answers quickly, one while it does not answer. So receivers
// that hang delay their own tenant's webhooks, and no other's.
//
// # What Spillway is protected from
//
// A callback URL is a tenant's wish that our machines connect somewhere.
// [Policy.CheckURL] refuses the obvious at registration. The check that counts
// is made by the dialer on the resolved address of every connection, so a name
// that changes its address after the check gains nothing; nor does it while a
// connection is kept, for that stays where it was let. Answers are bounded in
// time and in bytes, and what went wrong is told in coarse classes only: the
// text of a dial error would let a tenant scan our network.
package webhook
