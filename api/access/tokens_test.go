package access

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

// issuer signs tokens, with a key of each kind.
type issuer struct {
	rsa, short *rsa.PrivateKey
	ecdsa      *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}

var newIssuer = sync.OnceValue(func() issuer {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var i issuer
	var err error
	i.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	i.short, err = rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	i.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	_, i.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	return i
})

// jwks is the set of the issuer's public keys under these IDs, as it publishes them.
func (i issuer) jwks(t testing.TB, ids ...string) []byte {
	t.Helper()
	keys := map[string]crypto.PublicKey{"rsa": i.rsa.Public(), "short": i.short.Public(), "ec": i.ecdsa.Public(), "ed": i.ed.Public(), "enc": i.rsa.Public()}
	set := jwkset.JWKSMarshal{}
	for _, id := range ids {
		meta := jwkset.JWKMetadataOptions{KID: id}
		if id == "enc" {
			meta.USE = jwkset.UseEnc
		}
		key, err := jwkset.NewJWKFromKey(keys[id], jwkset.JWKOptions{Metadata: meta})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, key.Marshal())
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// claims are those of a good token.
func claims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "https://id.example.com", "aud": []string{"spillway", "crm"}, "sub": "crm-back-end", "tenant": "acme",
		"scope": "openid jobs:read jobs:write", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(),
	}
}

// sign makes a token with a changed claim and header; a nil value removes one.
func sign(t testing.TB, method jwt.SigningMethod, key any, kid string, header, change map[string]any) string {
	t.Helper()
	c := claims()
	merge(c, change)
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	merge(token.Header, header)
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func merge(into, change map[string]any) {
	for name, value := range change {
		if into[name] = value; value == nil {
			delete(into, name)
		}
	}
}

func tokenConfig(jwks string) TokenConfig {
	return TokenConfig{JWKS: jwks, Issuer: "https://id.example.com", Audience: "spillway"}
}

// tokensFromFile returns a verifier of the issuer's tokens.
func tokensFromFile(t testing.TB, ids ...string) (tokens *Tokens, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, newIssuer().jwks(t, ids...), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := NewTokens(t.Context(), tokenConfig(path), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tokens, path
}

func TestTokensThatCount(t *testing.T) {
	i := newIssuer()
	tokens, _ := tokensFromFile(t, "rsa", "ec", "ed")
	keys, _ := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys, Tokens: tokens, Rate: Rate{10, time.Minute, 10}})
	for name, text := range map[string]string{
		"RS256":           sign(t, jwt.SigningMethodRS256, i.rsa, "rsa", nil, nil),
		"ES256":           sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", nil, nil),
		"EdDSA":           sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", nil, nil),
		"an access token": sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", map[string]any{"typ": "at+JWT"}, nil),
		"a list of scopes": sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", nil,
			map[string]any{"scope": []string{"jobs:read", "jobs:write", "other"}, "aud": "spillway"}),
		"within the leeway": sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", nil, map[string]any{"exp": time.Now().Add(-5 * time.Second).Unix()}),
	} {
		t.Run(name, func(t *testing.T) {
			p, h, err := ask(t, guard, text, JobsRead, JobsWrite)
			if err != nil || p.Tenant != "acme" || p.Subject != "crm-back-end" || p.Method != ByToken || len(p.Scopes) != 2 {
				t.Fatalf("got %+v, %v", p, err)
			}
			if h.Get("RateLimit") == "" {
				t.Error("no rate is told")
			}
			held, stop := guard.WatchCredential(WithPrincipal(t.Context(), p))
			defer stop()
			if end, ok := held.Deadline(); !ok || time.Until(end) > 2*time.Minute {
				t.Errorf("what goes on ends at %v, %v", end, ok)
			}
		})
	}
}

func TestTokensThatDoNotCount(t *testing.T) {
	i := newIssuer()
	tokens, _ := tokensFromFile(t, "rsa", "ec", "ed", "short", "enc")
	keys, _ := newKeys(redistest.Embedded(t))
	guard := New(Config{Keys: keys, Tokens: tokens})
	with := func(change map[string]any) string { return sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", nil, change) }
	headed := func(header map[string]any) string {
		return sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", header, nil)
	}
	good := with(nil)
	parts := strings.Split(good, ".")
	for name, text := range map[string]string{
		"expired":                         with(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"without end":                     with(map[string]any{"exp": nil}),
		"not yet":                         with(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
		"from the future":                 with(map[string]any{"iat": time.Now().Add(time.Hour).Unix()}),
		"another issuer":                  with(map[string]any{"iss": "https://id.example.org"}),
		"no issuer":                       with(map[string]any{"iss": nil}),
		"another audience":                with(map[string]any{"aud": "crm"}),
		"no audience":                     with(map[string]any{"aud": nil}),
		"no tenant":                       with(map[string]any{"tenant": nil}),
		"a hostile tenant":                with(map[string]any{"tenant": "a:{0}"}),
		"a tenant of ours":                with(map[string]any{"tenant": 7}),
		"no subject":                      with(map[string]any{"sub": nil}),
		"no kid":                          headed(map[string]any{"kid": nil}),
		"another kid":                     headed(map[string]any{"kid": "ed"}),
		"an unknown kid":                  headed(map[string]any{"kid": "x"}),
		"a kid of no text":                headed(map[string]any{"kid": 1}),
		"crit":                            headed(map[string]any{"crit": []string{"b64"}, "b64": false}),
		"another type":                    headed(map[string]any{"typ": "logout+jwt"}),
		"none":                            sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "ec", nil, nil),
		"a public key as a shared secret": sign(t, jwt.SigningMethodHS256, i.rsa.N.Bytes(), "rsa", nil, nil),
		"RS512":                           sign(t, jwt.SigningMethodRS512, i.rsa, "rsa", nil, nil),
		"PS256":                           sign(t, jwt.SigningMethodPS256, i.rsa, "rsa", nil, nil),
		"a short RSA key":                 sign(t, jwt.SigningMethodRS256, i.short, "short", nil, nil),
		"a key to encrypt":                sign(t, jwt.SigningMethodRS256, i.rsa, "enc", nil, nil),
		"no signature":                    parts[0] + "." + parts[1] + ".",
		"another's claims":                parts[0] + "." + strings.Split(with(map[string]any{"tenant": "other"}), ".")[1] + "." + parts[2],
		"cut":                             good[:len(good)-5],
		"too long":                        with(map[string]any{"more": strings.Repeat("x", maxToken)}),
		"nothing of a token":              "x.y.z",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ask(t, guard, text, JobsRead)
			r, ok := errors.AsType[*Refusal](err)
			if !ok || tasks.CodeOf(err) != tasks.CodeNoCredential || !strings.Contains(r.Challenge, `error="invalid_token"`) {
				t.Fatalf("got %v", err)
			}
			if told := strings.Contains(r.Challenge, "expired"); told != (name == "expired") {
				t.Errorf("challenge: got %s", r.Challenge)
			}
		})
	}
	if _, _, err := ask(t, guard, good, AgentsRead); tasks.CodeOf(err) != tasks.CodeForbidden {
		t.Errorf("without the scope: got %v", err)
	}
}

func TestKeyFileIsReadAgain(t *testing.T) {
	i := newIssuer()
	tokens, path := tokensFromFile(t, "rsa")
	at := newClock()
	tokens.keys.(*keyFile).now = at.now
	verify := func(kid string, method jwt.SigningMethod, key any) error {
		_, err := tokens.verify(t.Context(), sign(t, method, key, kid, nil, nil))
		return err
	}
	if err := verify("ec", jwt.SigningMethodES256, i.ecdsa); err == nil {
		t.Fatal("a key that is not in the file counts")
	}
	if err := os.WriteFile(path, i.jwks(t, "ec", "ed"), 0o600); err != nil {
		t.Fatal(err)
	}
	at.pass(2 * jwksFileInterval)
	if err := verify("ec", jwt.SigningMethodES256, i.ecdsa); err != nil {
		t.Errorf("a key that was added: %v", err)
	}
	if err := verify("rsa", jwt.SigningMethodRS256, i.rsa); err == nil {
		t.Error("a key that was withdrawn counts")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	at.pass(2 * jwksFileInterval)
	if err := verify("ec", jwt.SigningMethodES256, i.ecdsa); err != nil {
		t.Errorf("while the file is broken: %v", err)
	}
}

// tokensFromIssuer returns Tokens whose issuer has one key at first, and these
// when it is asked again; and how often it was asked.
func tokensFromIssuer(t *testing.T, i issuer, later ...string) (*Tokens, *atomic.Int64) {
	t.Helper()
	fetches := new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ids := []string{"rsa"}
		if fetches.Add(1) > 1 {
			ids = later
		}
		_, _ = w.Write(i.jwks(t, ids...))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	tokens, err := NewTokens(t.Context(), tokenConfig(server.URL), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tokens, fetches
}

func TestUnknownKeysAreFetchedButNotWithoutEnd(t *testing.T) {
	i := newIssuer()
	tokens, fetches := tokensFromIssuer(t, i, "rsa", "ec")
	if _, err := tokens.verify(t.Context(), sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", nil, nil)); err != nil {
		t.Errorf("a key that the issuer has added: %v", err)
	}
	for range 20 {
		if _, err := tokens.verify(t.Context(), sign(t, jwt.SigningMethodES256, i.ecdsa, "other", nil, nil)); err == nil {
			t.Fatal("an unknown key counts")
		}
	}
	if n := fetches.Load(); n != 2 {
		t.Errorf("the keys were fetched %d times, want 2", n)
	}
}

// Anyone can name a key that is not known, and leave at once.
func TestACallerThatLeavesDoesNotKeepKeysFromBeingFetched(t *testing.T) {
	i := newIssuer()
	tokens, _ := tokensFromIssuer(t, i, "ec")
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, _ = tokens.verify(gone, sign(t, jwt.SigningMethodES256, i.ecdsa, "other", nil, nil))
	if _, err := tokens.verify(t.Context(), sign(t, jwt.SigningMethodES256, i.ecdsa, "ec", nil, nil)); err != nil {
		t.Errorf("a key that the issuer has added: %v", err)
	}
	if _, err := tokens.verify(t.Context(), sign(t, jwt.SigningMethodRS256, i.rsa, "rsa", nil, nil)); err == nil {
		t.Error("a key that the issuer has withdrawn counts")
	}
}

func TestKeysComeByWaysThatCanBeTrusted(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a redirect to plain http": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://id.example.com/jwks", http.StatusFound)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[],"x":"` + strings.Repeat("x", maxKeySet) + `"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			defer http.DefaultClient.CloseIdleConnections()
			life, end := context.WithCancel(t.Context())
			defer end()
			var log strings.Builder
			if _, err := NewTokens(life, tokenConfig(server.URL), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Fatal(err)
			}
			if got := log.String(); !strings.Contains(got, "not an https URL") && !strings.Contains(got, "too large") {
				t.Errorf("the log says %s", got)
			}
		})
	}
}

func TestAKeyOfAnotherKindHarmsNoOther(t *testing.T) {
	known := newIssuer().jwks(t, "rsa")
	for kind, other := range map[string]string{
		"of a kind not known": `{"kty":"AKP","kid":"pq","alg":"ML-DSA-44","pub":"AA"}`, "of a curve not known": `{"kty":"EC","crv":"secp256k1","kid":"k","x":"AA","y":"AA"}`,
	} {
		if _, err := parseKeys([]byte(strings.Replace(string(known), "[", "["+other+",", 1))); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := parseKeys([]byte(`{"keys":[` + other + `]}`)); err == nil {
			t.Errorf("%s alone: it is no key that can be used", kind)
		}
	}
}

func TestTokenConfigTellsAllThatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  TokenConfig
		want []string
	}{
		"nothing set": {TokenConfig{}, []string{"JWKS", "Issuer", "Audience"}},
		"plain http":  {tokenConfig("http://id.example.com/jwks"), []string{"https"}},
		"no file":     {tokenConfig("/nowhere/jwks.json"), []string{"/nowhere/jwks.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewTokens(t.Context(), c.cfg, slog.New(slog.DiscardHandler))
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to tell of %s", err, want)
				}
			}
		})
	}
}

func FuzzTokenHeader(f *testing.F) {
	tokens, _ := tokensFromFile(f, "rsa", "ec", "ed")
	i := newIssuer()
	good := sign(f, jwt.SigningMethodES256, i.ecdsa, "ec", nil, nil)
	signature := good[strings.LastIndexByte(good, '.'):]
	payload := strings.Split(good, ".")[1]
	for _, header := range []string{`{"alg":"ES256","kid":"ec"}`, `{"alg":"none"}`, `{"alg":"HS256","kid":"rsa","typ":1}`, `{"alg":["ES256"],"kid":{}}`} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		encoded := base64.RawURLEncoding.EncodeToString([]byte(header))
		if _, err := tokens.verify(t.Context(), encoded+"."+payload+signature); err == nil && !strings.HasPrefix(good, encoded+".") {
			t.Errorf("%q passes with the signature of another header", header)
		}
	})
}
