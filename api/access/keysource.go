package access

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	// withdrawn is believed that long.
	jwksRefresh = 5 * time.Minute
	// jwksUnknown is how often at most the keys are fetched because of a token
	// that names one we do not have. Anyone can name one.
	jwksUnknown = 30 * time.Second
	// jwksTimeout bounds a fetch. Less than jwksUnknown, so that nobody waits for
	// a turn.
	jwksTimeout = 5 * time.Second
	// jwksLook is how often at most a file is looked at.
	jwksLook = 5 * time.Second
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
	return f, f.look()
}

// keyURL is a set of keys that is fetched.
type keyURL struct{ set keyfunc.Keyfunc }

func fetchKeys(life context.Context, url string, log *slog.Logger) (keySource, error) {
	fetched, err := keyfunc.NewDefaultOverrideCtx(life, []string{url}, keyfunc.Override{
		HTTPTimeout:       jwksTimeout,
		RateLimitWaitMax:  jwksTimeout,
		RefreshInterval:   jwksRefresh,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(jwksUnknown), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				log.WarnContext(ctx, "the keys of the token issuer cannot be fetched; those known stay", "error", err)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("keys of the token issuer: %w", err)
	}
	set, err := keyfunc.New(keyfunc.Options{Ctx: life, Storage: fetched.Storage(), UseWhitelist: signing})
	return keyURL{set}, err
}

func (k keyURL) find(ctx context.Context, token *jwt.Token) (any, error) {
	return k.set.KeyfuncCtx(ctx)(token)
}

// keyFile is a set of keys in a file, which is read again when it changes.
type keyFile struct {
	path string
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex // guards the rest
	set    keyfunc.Keyfunc
	looked time.Time
	read   []byte // the file as it was read
}

func (f *keyFile) find(ctx context.Context, token *jwt.Token) (any, error) {
	if err := f.look(); err != nil {
		f.log.WarnContext(ctx, "the keys of the token issuer cannot be read; those known stay", "error", err)
	}
	f.mu.Lock()
	set := f.set
	f.mu.Unlock()
	return set.KeyfuncCtx(ctx)(token)
}

// look reads the file if it has changed, unless it was looked at a moment ago.
func (f *keyFile) look() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.set != nil && now.Sub(f.looked) < jwksLook {
		return nil
	}
	f.looked = now
	text, err := os.ReadFile(f.path)
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

// parseKeys reads a JSON Web Key Set.
func parseKeys(text []byte) (keyfunc.Keyfunc, error) {
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("there is no key in it; want a JSON Web Key Set")
	}
	keys, err := set.ToStorage()
	if err != nil {
		return nil, err
	}
	return keyfunc.New(keyfunc.Options{Storage: keys, UseWhitelist: signing})
}
