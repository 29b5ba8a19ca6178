package access

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().UTC().Truncate(time.Millisecond)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newKeys(rdb redis.UniversalClient) (*Keys, *clock) {
	c, keys := newClock(), NewKeys(rdb)
	keys.now = c.now
	return keys, c
}

// create makes a key that may read jobs, as change makes it.
func create(t testing.TB, keys *Keys, change func(*Key)) (text string, made Key) {
	t.Helper()
	k := Key{Tenant: "acme", Scopes: []Scope{JobsRead}}
	if change != nil {
		change(&k)
	}
	text, made, err := keys.Create(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return text, made
}

// ask sends a request with a credential through the guard, to a route that needs
// the scopes, and returns who it was, or why not.
func ask(t testing.TB, g *Guard, credential string, need ...Scope) (Principal, http.Header, error) {
	t.Helper()
	return askFrom(t.Context(), g, "192.0.2.1:1234", credential, need...)
}

func askFrom(ctx context.Context, g *Guard, peer, credential string, need ...Scope) (Principal, http.Header, error) {
	r, h, err := request(ctx, g, peer, credential, need...)
	if err != nil {
		return Principal{}, h, err
	}
	return From(r.Context()), h, nil
}

// request returns a request that the guard has let in and admitted.
func request(ctx context.Context, g *Guard, peer, credential string, need ...Scope) (*http.Request, http.Header, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	r.RemoteAddr = peer
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	w := httptest.NewRecorder()
	r, err := g.CheckOrigin(r)
	if err == nil {
		r, err = g.Admit(w, r, need...)
	}
	return r, w.Header(), err
}
