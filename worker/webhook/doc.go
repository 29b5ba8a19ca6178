// Package webhook notifies a job's owner that the job has ended: one signed POST
// to the job's callback URL, repeated until the receiver accepts it or a schedule
// of about three days is used up.
//
// # The way of a webhook
//
//	outbox stream → Relay → queue "webhooks" → Handler → Sender → receiver
//
// The store writes every change of state to an outbox, in the script that makes
// the change, so an ended job always has its entry. A [Relay] turns the entry
// into a notice on the queue and acknowledges it only after that: a crash in
// between makes the same notice again, under the same ID. A [Handler] loads the
// job, builds the payload and answers with a [queue.Retry] that holds when to
// come back, or with [queue.ErrGivenUp]. A [Sender] signs and posts.
//
// # What a receiver can rely on
//
// A webhook arrives at least once, perhaps out of order, and keeps its webhook-id
// over all tries, so the ID is the receiver's idempotency key. Signatures follow
// Standard Webhooks 1.0.0; while secrets are rotated there is one signature for
// each. Only a 2xx answer counts as received, redirects are not followed, and
// 410 ends the tries.
//
// # What tenants are protected from
//
// Each tenant has its own route to each host, with as many deliveries in flight as
// the host can take: more while it answers quickly, one while it does not answer. So receivers
// that hang delay their own tenant's webhooks, and no other's.
//
// # What Spillway is protected from
//
// A callback URL lets a tenant choose where our machines connect to.
// [Policy.CheckURL] refuses obvious cases at registration. The check that counts
// is made by the dialer on the resolved address of every connection, so a name
// that changes its address after the check gains nothing; nor does it while a
// connection is kept, for that keeps its address. Answers are bounded in
// time and in bytes, and failures are reported in coarse classes only: the
// text of a dial error would let a tenant scan our network.
package webhook
