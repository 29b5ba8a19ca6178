package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func ExampleSecret_Sign() {
	secret, _ := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	at := time.Unix(1614265330, 0)
	fmt.Println(secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`)))
	fmt.Println(secret)
	// Output:
	// v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
	// whsec_***
}

func TestParseSecret(t *testing.T) {
	random := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xa5}, n)) }
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"test vector", vector, true},
		{"24 bytes", "whsec_" + random(24), true},
		{"64 bytes", "whsec_" + random(64), true},
		{"23 bytes", "whsec_" + random(23), false},
		{"65 bytes", "whsec_" + random(65), false},
		{"no prefix", random(32), false},
		{"asymmetric key", "whsk_" + random(32), false},
		{"URL alphabet", "whsec_" + strings.ReplaceAll(random(32), "l", "_"), false},
		{"no padding", "whsec_" + strings.TrimRight(random(32), "="), false},
		{"line break", "whsec_" + random(33)[:4] + "\n" + random(33)[4:], false},
		{"stray bits", "whsec_" + strings.Repeat("A", 42) + "B=", false},
		{"empty", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ParseSecret(tt.text)
			if got := err == nil; got != tt.ok {
				t.Fatalf("accepted: got %v, want %v (%v)", got, tt.ok, err)
			}
			if tt.ok && s.Reveal() != tt.text {
				t.Error("Reveal does not give back what was parsed")
			}
			if body := strings.TrimPrefix(tt.text, secretPrefix); err != nil && body != "" && strings.Contains(err.Error(), body) {
				t.Error("the error quotes the secret")
			}
		})
	}
}

func TestNewSecretIsParsedAndUnique(t *testing.T) {
	a, b := NewSecret(), NewSecret()
	if a.Reveal() == b.Reveal() {
		t.Error("two secrets are the same")
	}
	if _, err := ParseSecret(a.Reveal()); err != nil {
		t.Error(err)
	}
}

func TestSecretDoesNotShowItself(t *testing.T) {
	s := mustParse(t, vector)
	type holder struct{ hidden Secret }
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "secret", s, "delivery", Delivery{Secrets: []Secret{s}})
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "secret", s, "held", holder{s})
	encoded, err := json.Marshal(map[string]any{"secret": s, "pointer": &s})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{s.String(), s.GoString(), log.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, []Secret{s}), fmt.Sprintf(verb, holder{s}), fmt.Sprintf(verb, &s))
	}
	raw := s.key()
	for _, out := range shown {
		for _, leak := range []string{vector[6:], string(raw), fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), fmt.Sprintf("%d", raw), fmt.Sprintf("%#v", raw)} {
			if strings.Contains(out, strings.Trim(leak, "[]")) {
				t.Errorf("secret shown in %q", out)
			}
		}
	}
}

func TestSignaturesSatisfyTheReferenceLibrary(t *testing.T) {
	old, current, other := NewSecret(), NewSecret(), NewSecret()
	body := []byte(`{"type":"job.succeeded","data":{"标题":"商机"}}`)
	h := http.Header{}
	sign(h, []Secret{current, old}, "evt_1_2", time.Now(), body)

	verify := func(s Secret, body []byte) error {
		v, err := standardwebhooks.NewWebhook(s.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return v.Verify(body, h)
	}
	if err := verify(current, body); err != nil {
		t.Errorf("current secret: %v", err)
	}
	if err := verify(old, body); err != nil {
		t.Errorf("old secret, during rotation: %v", err)
	}
	if verify(other, body) == nil {
		t.Error("a foreign secret verifies")
	}
	if verify(current, append(body, ' ')) == nil {
		t.Error("a changed body verifies")
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add(vector)
	f.Add("whsec_")
	f.Add("whsec_QUFB\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSecret(text)
		if err != nil {
			return
		}
		if s.Reveal() != text {
			t.Errorf("%q is a second spelling of %q", text, s.Reveal())
		}
		if n := len(s.key()); n < minKey || n > maxKey {
			t.Errorf("key of %d bytes accepted", n)
		}
	})
}
