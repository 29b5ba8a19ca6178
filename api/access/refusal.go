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
	// Who was refused, as far as that was found out.
	Who Principal

	cause *tasks.Error
}

// Error tells what is for logs.
func (r *Refusal) Error() string { return r.cause.Error() }

// Unwrap returns the *tasks.Error.
func (r *Refusal) Unwrap() error { return r.cause }

// realm names in challenges what the credentials are for.
const realm = `Bearer realm="spillway"`

// errNoCredential refuses who shows nothing. It must not be called an error of a
// token (RFC 6750 §3.1).
var errNoCredential = &Refusal{Challenge: realm, cause: tasks.Errorf(tasks.CodeNoCredential,
	"Show who you are: send Authorization: Bearer and an API key, or a JSON Web Token if this installation takes them.")}

// badCredential refuses a credential; detail is for its holder and must tell
// guessers nothing.
func badCredential(detail string, cause error) error {
	return &Refusal{
		Challenge: realm + `, error="invalid_token", error_description=` + strconv.Quote(detail),
		cause:     tasks.Errorf(tasks.CodeNoCredential, "%s", detail).WithCause(cause),
	}
}

// What a credential may be told.
const (
	detailUnknown = "The credential is not valid here: it is malformed, unknown, expired or revoked."
	detailExpired = "The token has expired."
	detailToken   = "The token is not valid here: its signature, algorithm, issuer, audience, times or tenant are not as they must be."
)

// lacking refuses a caller without the scopes.
func insufficientScope(who Principal, need []Scope) error {
	return &Refusal{
		Challenge: realm + `, error="insufficient_scope", scope="` + joinScopes(need, " ") + `"`,
		Who:       who,
		cause:     tasks.Errorf(tasks.CodeForbidden, "This needs the scope %s, which the credential does not have.", joinScopes(need, " and ")),
	}
}

// elsewhere refuses a caller because of its address.
func wrongAddress(who Principal, why string) error {
	return &Refusal{Who: who, cause: tasks.Errorf(tasks.CodeForbidden, "%s", why)}
}

// away turns an error of the connection to Redis into the one that callers see.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if reply, ok := errors.AsType[redis.Error](err); ok && strings.HasPrefix(reply.Error(), "ERR") {
		return err
	}
	return tasks.Errorf(tasks.CodeUnavailable, "The keys cannot be checkedAt up now; try again shortly.").WithCause(err)
}

// Require refuses the request that ctx belongs to unless its caller has every one
// of the scopes: for what an operation does beside what it always needs.
func Require(ctx context.Context, need ...Scope) error {
	if p := From(ctx); !p.Can(need...) {
		return insufficientScope(p, need)
	}
	return nil
}

// StrictTransport is the value of Strict-Transport-Security (RFC 6797) on every
// answer over TLS: a year, for this host alone.
const StrictTransport = "max-age=31536000"
