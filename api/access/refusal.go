package access

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
)

// Refusal is the error of a request that may not be made. Its chain holds a
// *tasks.Error with CodeNoCredential or CodeForbidden.
type Refusal struct {
	// Challenge is the value of the WWW-Authenticate header (RFC 6750 §3), "" if
	// no other credential would help.
	Challenge string
	// Who was refused, as far as that is known.
	Who Principal

	cause *tasks.Error
}

// Error returns the text for logs.
func (r *Refusal) Error() string { return r.cause.Error() }

// Unwrap returns the *tasks.Error.
func (r *Refusal) Unwrap() error { return r.cause }

// realm begins each challenge.
const realm = `Bearer realm="spillway"`

// errNoCredential refuses a request without a credential. The challenge must not
// mention an error then (RFC 6750 §3.1).
var errNoCredential = &Refusal{Challenge: realm, cause: tasks.Errorf(tasks.CodeNoCredential,
	"This needs a credential: send the header Authorization: Bearer with an API key, or with a JSON Web Token if this installation accepts them.")}

// badCredential refuses a credential. detail is for its holder, and must not help
// those who guess.
func badCredential(detail string, cause error) error {
	return &Refusal{
		Challenge: realm + `, error="invalid_token", error_description=` + strconv.Quote(detail),
		cause:     tasks.Errorf(tasks.CodeNoCredential, "%s", detail).WithCause(cause),
	}
}

// The details of refused credentials.
const (
	detailUnknown = "The credential is not valid: it is malformed, unknown, expired or revoked."
	detailExpired = "The token has expired."
	detailToken   = "The token is not valid: check its signature, algorithm, issuer, audience, times and tenant."
)

// insufficientScope refuses a caller without the scopes.
func insufficientScope(who Principal, need []Scope) error {
	return &Refusal{
		Challenge: realm + `, error="insufficient_scope", scope="` + joinScopes(need, " ") + `"`,
		Who:       who,
		cause:     tasks.Errorf(tasks.CodeForbidden, "This needs the scope %s, which your credential does not have.", joinScopes(need, " and ")),
	}
}

// wrongAddress refuses a caller because of its address.
func wrongAddress(who Principal, why string) error {
	return &Refusal{Who: who, cause: tasks.Errorf(tasks.CodeForbidden, "%s", why)}
}

// unavailable returns the error that callers see when Redis cannot be reached.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if reply, ok := errors.AsType[redis.Error](err); ok && strings.HasPrefix(reply.Error(), "ERR") {
		return err
	}
	return tasks.Errorf(tasks.CodeUnavailable, "Credentials cannot be checked now; try again shortly.").WithCause(err)
}

// Require refuses the request that ctx belongs to unless its caller has all of the
// scopes: for what an operation needs only sometimes.
func Require(ctx context.Context, need ...Scope) error {
	if p := From(ctx); !p.Can(need...) {
		return insufficientScope(p, need)
	}
	return nil
}

// StrictTransport is the value of Strict-Transport-Security (RFC 6797) on every
// answer over TLS: a year, for this host alone.
const StrictTransport = "max-age=31536000"
