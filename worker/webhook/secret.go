package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// secretPrefix marks a symmetric key of Standard Webhooks.
const secretPrefix = "whsec_"

// The length of a key in bytes, by Standard Webhooks.
const (
	minKey = 24
	newKey = 32
	maxKey = 64
)

// redacted is what every way of printing a Secret shows.
const redacted = secretPrefix + "***"

// errSecret never quotes what it was given: that may be most of a real secret.
var errSecret = errors.New("not a webhook secret: want whsec_ and the base64 of 24 to 64 random bytes")

// Secret is the key that signs webhooks. It does not show itself: printing,
// logging and encoding it give a placeholder, and only [Secret.Reveal] the text.
// The zero Secret holds no key and signs nothing.
type Secret struct {
	// key is a function because fmt follows pointers, and asks no methods of
	// a Secret that sits in another struct's unexported field.
	key func() []byte
}

func secretOf(key []byte) Secret { return Secret{func() []byte { return key }} }

// NewSecret makes a secret from 32 random bytes.
func NewSecret() Secret {
	key := make([]byte, newKey)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return secretOf(key)
}

// ParseSecret reads the form that Reveal gives: "whsec_" and standard base64.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return Secret{}, errSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) < minKey || len(key) > maxKey || strings.ContainsAny(encoded, "\r\n") {
		return Secret{}, errSecret
	}
	return secretOf(key), nil
}

// UnmarshalText reads a secret as ParseSecret does, for configuration.
func (s *Secret) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSecret(string(text))
	return err
}

// Reveal returns the secret as its owner must store it.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(s.key())
}

// IsZero reports whether s holds no key.
func (s Secret) IsZero() bool { return s.key == nil }

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder.
func (s Secret) GoString() string { return redacted }

// Format writes a placeholder for every verb, %x and %d included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder. JSON and YAML use it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Sign returns the signature of a webhook by Standard Webhooks: "v1," and the
// base64 of an HMAC-SHA256 over ID, time in Unix seconds, and body. The ID must
// hold no dot, since dots separate the parts.
func (s Secret) Sign(id string, at time.Time, body []byte) string {
	if s.IsZero() {
		return ""
	}
	mac := hmac.New(sha256.New, s.key())
	_, _ = fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// The headers of Standard Webhooks.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

// sign sets the headers that let a receiver who holds any one of the secrets
// verify the webhook.
func sign(h http.Header, secrets []Secret, id string, at time.Time, body []byte) {
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signatures[i] = s.Sign(id, at, body)
	}
	h.Set(headerID, id)
	h.Set(headerTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(headerSignature, strings.Join(signatures, " "))
}
