package access

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	// jwksRefresh is how old the keys of a URL may get. A key that the issuer has
	// withdrawn is trusted that long.
	jwksRefresh = 5 * time.Minute
	// jwksUnknown is how often at most the keys are fetched for a token with an unknown
	// key ID. Anyone can name one.
	jwksUnknown = 30 * time.Second
	// jwksTimeout bounds a fetch. It is less than jwksUnknown, so that fetches do not
	// queue up.
	jwksTimeout = 5 * time.Second
	// jwksFileInterval is how often at most a file is read.
	jwksFileInterval = 5 * time.Second
	// maxKeySet is the largest set of keys that is read from a URL, in bytes.
	maxKeySet = 1 << 20
)

// signing are the uses of a key that may verify a signature. Most sets say none.
var signing = []jwkset.USE{"", jwkset.UseSig}

// keySource finds the key that a token names.
type keySource interface {
	find(ctx context.Context, token *jwt.Token) (any, error)
}

// openKeySource opens the URL or the file that cfg names.
func openKeySource(life context.Context, cfg TokenConfig, log *slog.Logger) (keySource, error) {
	if _, ok := cfg.url(); ok {
		return fetchKeys(life, cfg.JWKS, log)
	}
	f := &keyFile{path: cfg.JWKS, log: log, now: time.Now}
	return f, f.reload()
}

// keyURL is a set of keys that is fetched.
type keyURL struct{ set keyfunc.Keyfunc }

func fetchKeys(life context.Context, url string, log *slog.Logger) (keySource, error) {
	fetched, err := keyfunc.NewDefaultOverrideCtx(life, []string{url}, keyfunc.Override{
		Client:            &http.Client{Transport: keyTransport{http.DefaultTransport}},
		HTTPTimeout:       jwksTimeout,
		RateLimitWaitMax:  jwksTimeout,
		RefreshInterval:   jwksRefresh,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(jwksUnknown), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				log.WarnContext(ctx, "the keys of the token issuer cannot be fetched; the last ones stay in use", "error", err)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("keys of the token issuer: %w", err)
	}
	set, err := keyfunc.New(keyfunc.Options{Ctx: life, Storage: fetched.Storage(), UseWhitelist: signing})
	return keyURL{set}, err
}

// find fetches the keys again if it must. The fetch is for all waiting requests and
// has its own time limit, so it does not end with the context of one.
func (k keyURL) find(ctx context.Context, token *jwt.Token) (any, error) {
	return k.set.KeyfuncCtx(context.WithoutCancel(ctx))(token)
}

// keyTransport fetches keys only from where nobody can change them on the way, also
// after a redirect, and bounds their size.
type keyTransport struct{ http.RoundTripper }

// RoundTrip makes one request.
func (t keyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !trustworthy(r.URL) {
		return nil, fmt.Errorf("%s is not an https URL", r.URL.Redacted())
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxKeySet)
	}
	return resp, err
}

// keyFile is a set of keys in a file, which is read again when it changes.
type keyFile struct {
	path string
	log  *slog.Logger
	now  func() time.Time

	mu        sync.Mutex // guards the rest
	set       keyfunc.Keyfunc
	checkedAt time.Time
	read      []byte // the file as it was read
}

func (f *keyFile) find(ctx context.Context, token *jwt.Token) (any, error) {
	if err := f.reload(); err != nil {
		f.log.WarnContext(ctx, "the keys of the token issuer cannot be read; the last ones stay in use", "error", err)
	}
	f.mu.Lock()
	set := f.set
	f.mu.Unlock()
	return set.KeyfuncCtx(ctx)(token)
}

// reload reads the file if it has changed, unless it was read a moment ago.
func (f *keyFile) reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.set != nil && now.Sub(f.checkedAt) < jwksFileInterval {
		return nil
	}
	f.checkedAt = now
	text, err := os.ReadFile(f.path) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("keys of the token issuer: %w", err)
	}
	if f.set != nil && bytes.Equal(text, f.read) {
		return nil
	}
	set, err := parseKeys(text)
	if err != nil {
		return fmt.Errorf("keys of the token issuer: %s: %w", f.path, err)
	}
	f.set, f.read = set, text
	return nil
}

// parseKeys reads a JSON Web Key Set. It ignores keys of an unknown kind (RFC 7517 §5).
func parseKeys(text []byte) (keyfunc.Keyfunc, error) {
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	var keys []jwkset.JWK
	for _, marshaled := range set.Keys {
		key, err := jwkset.NewJWKFromMarshal(marshaled, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{})
		if errors.Is(err, jwkset.ErrUnsupportedKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no usable key; want a JSON Web Key Set")
	}
	storage := jwkset.NewMemoryStorage()
	if err := storage.KeyReplaceAll(context.Background(), keys); err != nil {
		return nil, err
	}
	return keyfunc.New(keyfunc.Options{Storage: storage, UseWhitelist: signing})
}
