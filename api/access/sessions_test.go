package access

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// page is a guard whose callers may log in.
type page struct {
	guard *Guard
	keys  *Keys
	clock *clock
	rdb   redis.UniversalClient
}

func newPage(t *testing.T, rdb redis.UniversalClient) page {
	t.Helper()
	keys, clock := newKeys(rdb)
	return page{New(Config{Keys: keys, Sessions: NewSessions(rdb), Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}), keys, clock, rdb}
}

// request is one of somebody who has a cookie, or none.
func (p page) request(t *testing.T, cookie *http.Cookie, change func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	if change != nil {
		change(r)
	}
	r, err := p.guard.CheckOrigin(r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (p page) login(t *testing.T, credential string, change func(*http.Request)) (*http.Cookie, error) {
	t.Helper()
	w := httptest.NewRecorder()
	if _, err := p.guard.Login(w, p.request(t, nil, change), credential, func(context.Context) error { return nil }, AdminRead); err != nil {
		return nil, err
	}
	return w.Result().Cookies()[0], nil
}

func (p page) ask(t *testing.T, cookie *http.Cookie, need Scope) (Principal, error) {
	t.Helper()
	r, err := p.guard.Admit(httptest.NewRecorder(), p.request(t, cookie, nil), need)
	if err != nil {
		return Principal{}, err
	}
	return From(r.Context()), nil
}

func TestASessionMayDoWhatItsKeyMay(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		p := newPage(t, rdb)
		text, made := create(t, p.keys, func(k *Key) { k.Scopes = []Scope{AdminRead} })
		cookie, err := p.login(t, " "+text+"\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Secure || cookie.MaxAge != int(sessionLife/time.Second) || strings.Contains(cookie.Value, text) {
			t.Errorf("got the cookie %v", cookie)
		}
		who, err := p.ask(t, cookie, AdminRead)
		if err != nil || who.Subject != made.ID || who.Tenant != "acme" || who.Method != ByKey {
			t.Errorf("got %+v, %v", who, err)
		}
		if _, err := p.ask(t, cookie, AdminWrite); tasks.CodeOf(err) != tasks.CodeForbidden {
			t.Errorf("another scope: got %v", err)
		}
		keys, err := p.rdb.Keys(t.Context(), "*").Result()
		if err != nil || strings.Contains(strings.Join(keys, " "), cookie.Value) {
			t.Errorf("Redis holds the cookie itself: %v, %v", keys, err)
		}
	})
}

func TestASessionEnds(t *testing.T) {
	for name, end := range map[string]func(*testing.T, page, *http.Cookie, Key){
		"with the logout": func(t *testing.T, p page, c *http.Cookie, _ Key) {
			w := httptest.NewRecorder()
			if err := p.guard.Logout(w, p.request(t, c, nil)); err != nil || w.Result().Cookies()[0].MaxAge >= 0 {
				t.Errorf("got %v, %v", err, w.Header())
			}
		},
		"a second after its key was revoked": func(t *testing.T, p page, _ *http.Cookie, k Key) {
			if _, err := p.keys.Revoke(t.Context(), k.ID, "me"); err != nil {
				t.Fatal(err)
			}
			p.clock.pass(time.Second)
		},
		"with its key": func(_ *testing.T, p page, _ *http.Cookie, _ Key) { p.clock.pass(2 * time.Hour) },
		"with the next login in its browser": func(t *testing.T, p page, c *http.Cookie, _ Key) {
			text, _ := create(t, p.keys, func(k *Key) { k.Scopes = []Scope{AdminRead} })
			if _, err := p.login(t, text, func(r *http.Request) { r.AddCookie(c) }); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPage(t, redistest.Embedded(t))
			text, made := create(t, p.keys, func(k *Key) {
				k.Scopes, k.ExpiresAt = []Scope{AdminRead}, p.clock.now().Add(time.Hour)
			})
			cookie, err := p.login(t, text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.ask(t, cookie, AdminRead); err != nil {
				t.Fatal(err)
			}
			end(t, p, cookie, made)
			if _, err := p.ask(t, cookie, AdminRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestASessionEndsAfterItsTime(t *testing.T) {
	p := newPage(t, redistest.Embedded(t))
	text, _ := create(t, p.keys, func(k *Key) { k.Scopes = []Scope{AdminRead} })
	cookie, err := p.login(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.clock.pass(sessionLife)
	if _, err := p.ask(t, cookie, AdminRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
		t.Errorf("got %v", err)
	}
}

func TestLoginsAreFew(t *testing.T) {
	p := newPage(t, redistest.Embedded(t))
	text, _ := create(t, p.keys, nil) // which may not administer
	for range loginRate.Burst {
		if _, err := p.login(t, text, nil); tasks.CodeOf(err) != tasks.CodeForbidden {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := p.login(t, text, nil); tasks.CodeOf(err) != tasks.CodeRateLimited {
		t.Errorf("got %v", err)
	}
	other := func(r *http.Request) { r.RemoteAddr = "198.51.100.1:1" }
	if _, err := p.login(t, "guess", other); tasks.CodeOf(err) != tasks.CodeNoCredential {
		t.Errorf("from elsewhere: got %v", err)
	}
}

func TestTheCookieIsSecureWhereThereIsTLS(t *testing.T) {
	p := newPage(t, redistest.Embedded(t))
	text, _ := create(t, p.keys, func(k *Key) { k.Scopes = []Scope{AdminRead} })
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   bool
	}{
		"in the clear": {func(*http.Request) {}, false},
		"by TLS":       {func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, true},
		"by a proxy that we know": {func(r *http.Request) {
			r.RemoteAddr = "10.0.0.1:1"
			r.Header.Set("X-Forwarded-Proto", "https")
		}, true},
		"by what the client says": {func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
	} {
		cookie, err := p.login(t, text, c.change)
		if err != nil {
			t.Fatal(err)
		}
		if cookie.Secure != c.want || strings.HasPrefix(cookie.Name, "__Host-") != c.want {
			t.Errorf("%s: got %v", name, cookie)
		}
	}
}

func TestACookieDoesNotCountBesideACredential(t *testing.T) {
	p := newPage(t, redistest.Embedded(t))
	text, _ := create(t, p.keys, func(k *Key) { k.Scopes = []Scope{AdminRead} })
	cookie, err := p.login(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := p.request(t, cookie, func(r *http.Request) { r.Header.Set("Authorization", "Bearer guess") })
	if _, err := p.guard.Admit(httptest.NewRecorder(), r, AdminRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
		t.Errorf("got %v", err)
	}
	without := New(Config{Keys: p.keys})
	if _, err := without.Admit(httptest.NewRecorder(), p.request(t, cookie, nil), AdminRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
		t.Errorf("where nobody logs in: got %v", err)
	}
}

// A login during an outage says what would work.
func TestALoginWhileRedisTakesNoWrites(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		p := newPage(t, rdb)
		text, _ := create(t, p.keys, func(k *Key) { k.Scopes = []Scope{AdminRead} })
		rdb.AddHook(refusing{})
		_, err := p.login(t, text, nil)
		if e, ok := errors.AsType[*tasks.Error](err); !ok || e.Code != tasks.CodeUnavailable || !strings.Contains(e.Message, "Authorization: Bearer") {
			t.Errorf("got %v", err)
		}
		if _, _, err := ask(t, p.guard, text, AdminRead); err != nil {
			t.Errorf("the credential itself: got %v", err)
		}
	})
}

// refusing is a Redis that reads and takes no writes.
type refusing struct{}

func (refusing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (refusing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); name == "set" || name == "hset" || strings.HasPrefix(name, "eval") {
			err := outOfMemory("OOM command not allowed when used memory > 'maxmemory'.")
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

func (refusing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// outOfMemory is a reply of Redis.
type outOfMemory string

func (e outOfMemory) Error() string { return string(e) }
func (outOfMemory) RedisError()     {}
