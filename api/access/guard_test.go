package access

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestAKeySpeaksForItsTenant(t *testing.T) {
	keys, _ := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, made := create(t, keys, func(k *Key) { k.Scopes = []Scope{JobsRead, AgentsRead} })
	p, _, err := ask(t, guard, text, JobsRead)
	if err != nil || p.Tenant != "acme" || p.Subject != made.ID || p.Method != ByKey || p.Address != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("got %+v, %v", p, err)
	}
	_, _, err = ask(t, guard, text, JobsRead, JobsWrite)
	if r, ok := errors.AsType[*Refusal](err); !ok || tasks.CodeOf(err) != tasks.CodeForbidden || !strings.Contains(r.Challenge, `scope="jobs:read jobs:write"`) {
		t.Errorf("without a scope: got %v", err)
	}
	if _, _, err := ask(t, guard, text); err == nil {
		t.Error("a route that names no scope admits callers")
	}
}

func TestCredentialsThatDoNotCount(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, made := create(t, keys, nil)
	expired, _ := create(t, keys, func(k *Key) { k.ExpiresAt = clock.now() })
	stranger, _ := newToken("live")
	forged := "spw_live_" + made.ID + "_" + strings.Repeat("0", secretLength)
	for name, credential := range map[string]string{
		"none": "", "a typing error": text[:len(text)-1], "expired": expired, "unknown": stranger,
		"another secret for a known ID": forged + checksum(forged), "a token": "eyJhbGciOiJub25lIn0.e30.",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ask(t, guard, credential, JobsRead)
			if r, ok := errors.AsType[*Refusal](err); !ok || tasks.CodeOf(err) != tasks.CodeNoCredential || !strings.HasPrefix(r.Challenge, "Bearer ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestARevocationHoldsWithinASecond has two processes use a key, and a third one
// revoke it.
func TestARevocationHoldsWithinASecond(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		keys, clock := newKeys(rdb)
		guards := []*Guard{New(Config{Keys: keys}), New(Config{Keys: keys})}
		text, made := create(t, keys, nil)
		for _, g := range guards {
			if _, _, err := ask(t, g, text, JobsRead); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := NewKeys(rdb).Revoke(t.Context(), made.ID, "me"); err != nil {
			t.Fatal(err)
		}
		clock.pass(time.Second - time.Millisecond)
		for _, g := range guards {
			if _, _, err := ask(t, g, text, JobsRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestWhatGoesOnEndsWithItsKey(t *testing.T) {
	keys := NewKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	guard.watcher.every = time.Millisecond
	text, made := create(t, keys, nil)
	p, _, err := ask(t, guard, text, JobsRead)
	if err != nil {
		t.Fatal(err)
	}
	left, leave := guard.WatchCredential(WithPrincipal(t.Context(), p))
	stayed, stop := guard.WatchCredential(WithPrincipal(t.Context(), p))
	defer stop()
	leave()
	if left.Err() == nil || stayed.Err() != nil {
		t.Fatalf("one has left: got %v, %v", left.Err(), stayed.Err())
	}
	if _, err := keys.Revoke(t.Context(), made.ID, "me"); err != nil {
		t.Fatal(err)
	}
	await(t, stayed.Done(), "goes on under a revoked key")
}

// A stream that begins when what is known of its key is almost too old must not
// be given that time once more.
func TestWhatBeginsLateEndsWithinASecondToo(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	guard.watcher.every = time.Hour
	text, made := create(t, keys, nil)
	if _, _, err := ask(t, guard, text, JobsRead); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Revoke(t.Context(), made.ID, "me"); err != nil {
		t.Fatal(err)
	}
	clock.pass(cacheTime - time.Millisecond)
	p, _, err := ask(t, guard, text, JobsRead)
	if err != nil {
		t.Fatal(err)
	}
	held, stop := guard.WatchCredential(WithPrincipal(t.Context(), p))
	defer stop()
	await(t, held.Done(), "goes on under a revoked key")
}

func TestWhatGoesOnEndsWithItsKeyWhileRedisIsAway(t *testing.T) {
	rdb := redis.NewClient(redistest.Embedded(t).Options())
	keys, clock := newKeys(rdb)
	guard := New(Config{Keys: keys})
	guard.watcher.every = time.Millisecond
	text, _ := create(t, keys, func(k *Key) { k.ExpiresAt = clock.now().Add(time.Hour) })
	p, _, err := ask(t, guard, text, JobsRead)
	if err != nil {
		t.Fatal(err)
	}
	held, stop := guard.WatchCredential(WithPrincipal(t.Context(), p))
	defer stop()
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	clock.pass(time.Hour)
	await(t, held.Done(), "goes on under an expired key")
}

// await fails unless what is waited for happens.
func await(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error(otherwise)
	}
}

func TestAddressesOfAKey(t *testing.T) {
	keys, _ := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys, Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}})
	text, _ := create(t, keys, func(k *Key) { k.AllowIPs = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} })
	for peer, want := range map[string]tasks.Code{
		"10.1.2.3:1": "", "[::ffff:10.1.2.3]:1": "", "10.2.0.1:1": tasks.CodeForbidden, "[fd00::1]:1": tasks.CodeForbidden,
		"192.0.2.1:1": tasks.CodeForbidden, "": tasks.CodeForbidden, "@": tasks.CodeForbidden,
	} {
		if _, _, err := askFrom(t.Context(), guard, peer, text, JobsRead); tasks.CodeOf(err) != want {
			t.Errorf("from %q: got %v, want %q", peer, err, want)
		}
	}
}

func TestRatesHoldForAllProcesses(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		keys, _ := newKeys(rdb)
		guards := []*Guard{New(Config{Keys: keys, Rate: Rate{6, time.Hour, 4}}), New(Config{Keys: keys, Rate: Rate{6, time.Hour, 4}})}
		text, _ := create(t, keys, nil)
		other, _ := create(t, keys, func(k *Key) { k.Rate = &Rate{} })
		for i := range 4 {
			_, h, err := ask(t, guards[i%2], text, JobsRead)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Get("RateLimit"); !strings.HasPrefix(got, `"default";r=`+strconv.Itoa(3-i)+";t=") {
				t.Errorf("request %d: RateLimit: got %s", i, got)
			}
			if got := h.Get("RateLimit-Policy"); got != `"default";q=6;w=3600` {
				t.Errorf("RateLimit-Policy: got %s", got)
			}
		}
		_, h, err := ask(t, guards[0], text, JobsRead)
		e, _ := errors.AsType[*tasks.Error](err)
		if tasks.CodeOf(err) != tasks.CodeRateLimited || e.RetryAfter() <= 9*time.Minute || e.RetryAfter() > 10*time.Minute {
			t.Errorf("a fifth at once: got %v", err)
		}
		if got := h.Get("RateLimit"); !strings.HasPrefix(got, `"default";r=0;t=`) {
			t.Errorf("RateLimit: got %s", got)
		}
		for range 10 {
			if _, h, err := ask(t, guards[0], other, JobsRead); err != nil || h.Get("RateLimit") != "" {
				t.Fatalf("a key without limit: got %v, %v", h, err)
			}
		}
	})
}

func TestAddressesThatGuessAreSlowedDown(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, _ := create(t, keys, nil)
	fresh, _ := create(t, keys, nil)
	later, _ := create(t, keys, nil)
	if _, _, err := ask(t, guard, text, JobsRead); err != nil {
		t.Fatal(err)
	}
	for range anonymousRate.Burst {
		if _, _, err := ask(t, guard, "spw_guess", JobsRead); tasks.CodeOf(err) != tasks.CodeNoCredential {
			t.Fatalf("got %v", err)
		}
	}
	for name, credential := range map[string]string{"nothing": "", "a guess": "spw_guess"} {
		if _, _, err := ask(t, guard, credential, JobsRead); tasks.CodeOf(err) != tasks.CodeRateLimited {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := ask(t, guard, text, JobsRead); err != nil {
		t.Errorf("a neighbour whose key is known: got %v", err)
	}
	if _, _, err := ask(t, guard, fresh, JobsRead); err != nil {
		t.Errorf("a neighbour with a key never seen: got %v", err)
	}
	probe := httptest.NewRequestWithContext(t.Context(), "GET", "/health", http.NoBody)
	probe.RemoteAddr = "192.0.2.1:1234"
	if r, err := guard.CheckOrigin(probe); err != nil {
		t.Error(err)
	} else if _, err := guard.AdmitAnonymous(httptest.NewRecorder(), r); err != nil {
		t.Errorf("a probe from there: got %v", err)
	}
	for range lookupRate.Burst { // guesses that look like keys are looked up at a rate of their own
		_, _, err := ask(t, guard, guessed(t), JobsRead)
		if code := tasks.CodeOf(err); code != tasks.CodeNoCredential && code != tasks.CodeRateLimited {
			t.Fatalf("got %v", err)
		}
	}
	if _, _, err := ask(t, guard, later, JobsRead); tasks.CodeOf(err) != tasks.CodeRateLimited {
		t.Errorf("a key never seen, among many guesses: got %v", err)
	}
	if _, _, err := askFrom(t.Context(), guard, "192.0.2.2:1", later, JobsRead); err != nil {
		t.Errorf("another address: got %v", err)
	}
	clock.pass(time.Second)
	third, _ := create(t, keys, nil)
	if _, _, err := ask(t, guard, third, JobsRead); err != nil {
		t.Errorf("after a while: got %v", err)
	}
}

// guessed returns a key that is well formed and does not exist.
func guessed(t *testing.T) string {
	t.Helper()
	elsewhere, _ := newKeys(redistest.Embedded(t))
	text, _ := create(t, elsewhere, nil)
	return text
}

// A body that arrives slowly is no way around a revocation.
func TestACredentialRevokedMeanwhileIsNotConfirmed(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, key := create(t, keys, nil)
	r, _, err := request(t.Context(), guard, "192.0.2.1:1", text, JobsRead)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Revoke(t.Context(), key.ID, "operator"); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.Reauthenticate(httptest.NewRecorder(), r); err != nil {
		t.Errorf("at once, which costs nothing: got %v", err)
	}
	clock.pass(cacheTime)
	if _, err := guard.Reauthenticate(httptest.NewRecorder(), r); tasks.CodeOf(err) != tasks.CodeNoCredential {
		t.Errorf("after a while: got %v, want it refused", err)
	}
}

func TestAKeyThatIsUsedFromElsewhereIsSlowedDownToo(t *testing.T) {
	keys, _ := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, _ := create(t, keys, func(k *Key) { k.AllowIPs = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} })
	for range anonymousRate.Burst {
		if _, _, err := ask(t, guard, text, JobsRead); tasks.CodeOf(err) != tasks.CodeForbidden {
			t.Fatalf("got %v", err)
		}
	}
	if _, _, err := ask(t, guard, text, JobsRead); tasks.CodeOf(err) != tasks.CodeRateLimited {
		t.Errorf("got %v", err)
	}
	if _, _, err := askFrom(t.Context(), guard, "10.1.2.3:1", text, JobsRead); err != nil {
		t.Errorf("from where it may be used: got %v", err)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	address := netip.MustParseAddr("2001:db8::1").As16()
	for i := range maxNetworks + 1 {
		address[5], address[6] = byte(i>>8), byte(i)
		if _, ok := guard.refusals.allow(netip.AddrFrom16(address)); !ok {
			t.Fatalf("address %d must wait", i)
		}
		guard.lookup.cache[strconv.Itoa(i)] = cachedKey{readAt: clock.now()}
	}
	if got := len(guard.refusals.limiters); got > maxNetworks*9/10+1 {
		t.Errorf("got %d addresses", got)
	}
	guard.lookup.evict(clock.now())
	if got := len(guard.lookup.cache); got > maxCached*9/10 {
		t.Errorf("got %d keys", got)
	}
}

func TestWithoutAuthenticationEveryoneUsesButNobodyRuns(t *testing.T) {
	guard := New(Config{})
	p, _, err := ask(t, guard, "", JobsRead, JobsWrite, JobsCancel, AgentsRead, WebhooksWrite)
	if err != nil || p.Tenant != DefaultTenant || p.Method != ByNobody {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, _, err := ask(t, guard, "", AdminRead); tasks.CodeOf(err) != tasks.CodeForbidden {
		t.Errorf("admin: got %v", err)
	}
}

func TestRedisAwayIsNotARefusal(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer rdb.Close()
	text, _ := newToken("live")
	if _, _, err := ask(t, New(Config{Keys: NewKeys(rdb)}), text, JobsRead); tasks.CodeOf(err) != tasks.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestOneAuthorizationHeader(t *testing.T) {
	for name, lines := range map[string][]string{"two": {"Bearer a", "Bearer b"}, "basic": {"Basic c3B3"}, "bare": {"Bearer"}, "empty": {"Bearer  "}, "tab": {"Bearer\tspw_x"}} {
		if got, err := bearer(http.Header{"Authorization": lines}); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got, err := bearer(http.Header{"Authorization": {"Bearer \u00a0spw_x\u3000"}}); err != nil || got == "spw_x" {
		t.Errorf("spaces of other scripts: got %q, %v", got, err)
	}
	if got, err := bearer(http.Header{"Authorization": {"bearer  spw_x "}}); err != nil || got != "spw_x" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A batch costs what its submissions cost, as far as the rate goes.
func TestWhatStandsForSeveralRequestsCostsSeveral(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb *redis.Client) {
		keys, _ := newKeys(rdb)
		guard := New(Config{Keys: keys, Rate: Rate{Requests: 6, Per: time.Hour, Burst: 6}})
		text, _ := create(t, keys, nil)
		r, _, err := request(t.Context(), guard, "192.0.2.1:1", text, JobsRead)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ ask, want int }{{0, 0}, {3, 3}, {5, 2}, {1, 0}} {
			granted, refused, err := guard.SpendUpTo(r.Context(), c.ask)
			if err != nil || granted != c.want || (refused == nil) != (granted == c.ask) {
				t.Errorf("asked for %d: got %d, %v, %v", c.ask, granted, refused, err)
			}
			if e, ok := errors.AsType[*tasks.Error](refused); ok && (e.Code != tasks.CodeRateLimited || e.RetryAfter() <= 0) {
				t.Errorf("refused by %v, after %v", e, e.RetryAfter())
			}
		}
		if _, _, err := ask(t, guard, text, JobsRead); tasks.CodeOf(err) != tasks.CodeRateLimited {
			t.Errorf("one more request: got %v", err)
		}
	})
}

// Very many addresses with a request or two each fill no audit log, and lock out
// nobody who has a key.
func TestRefusalsAreBoundedForAllAddressesTogether(t *testing.T) {
	keys, clock := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys})
	text, _ := create(t, keys, nil)
	askAs := func(i int, credential string) error {
		peer := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 1).String()
		_, _, err := askFrom(t.Context(), guard, peer, credential, JobsRead)
		return err
	}
	for i := range totalRefusalRate.Burst {
		if err := askAs(i, ""); tasks.CodeOf(err) != tasks.CodeNoCredential {
			t.Fatalf("address %d: got %v", i, err)
		}
	}
	next := totalRefusalRate.Burst
	err := askAs(next, "spw_guess")
	if e, ok := errors.AsType[*tasks.Error](err); !ok || e.Code != tasks.CodeRateLimited || e.RetryAfter() <= 0 || e.RetryAfter() > totalRefusalRate.each() {
		t.Errorf("one address more: got %v", err)
	}
	if err := askAs(next, text); err != nil {
		t.Errorf("a key never seen, from there: got %v", err)
	}
	clock.pass(totalRefusalRate.each())
	if err := askAs(next, ""); tasks.CodeOf(err) != tasks.CodeNoCredential {
		t.Errorf("after a while: got %v", err)
	}
}
