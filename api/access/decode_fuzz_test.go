package access

import (
	"encoding/json"
	"testing"
)

func FuzzKeySet(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`, `{"keys":[{"kty":"oct","k":"AA"}]}`, `{"keys":[null]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = parseKeys(text) })
}

// What Redis holds of a key is read in full or not at all: a network that is
// left out would let callers in.
func FuzzRecord(f *testing.F) {
	r := record{Key: Key{Tenant: "acme", Scopes: []Scope{JobsRead}, Rate: &Rate{Requests: 1, Per: 1, Burst: 1}}}
	whole := map[string]any{}
	for i, pairs := 0, r.fields(); i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		whole[name] = pairs[i+1]
	}
	seed, err := json.Marshal(whole)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"hash":"00","allow_ips":"10.0.0.0/8 x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var h map[string]string
		if json.Unmarshal(text, &h) != nil {
			t.Skip()
		}
		k, err := readRecord("id", h)
		if err == nil && len(k.AllowIPs) == 0 && len(splitList(h[fieldAllowIPs])) > 0 {
			t.Errorf("%q allows every address", h[fieldAllowIPs])
		}
	})
}

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"600/min", "20/s:5", "none", "10.0.0.0/8, ::1", "jobs:read jobs:write", "1/h:0", "/", "0.0.0.0/33"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRate(text); err == nil {
			if again, err := ParseRate(r.String()); err != nil || again != r {
				t.Errorf("%q: %v is read as %v, %v", text, r, again, err)
			}
		}
		_, _ = ParseNetworks(text)
		_, _ = ParseScopes(text)
		_ = Redact(text)
	})
}
