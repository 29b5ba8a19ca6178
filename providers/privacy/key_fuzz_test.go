package privacy

import (
	"encoding/base64"
	"strings"
	"testing"
)

func FuzzSealedMap(f *testing.F) {
	key, err := ParseKey(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("short"))
	f.Add([]byte(strings.Repeat("x", 64)))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if values, err := key.Open(sealed, "job_1"); err == nil {
			t.Errorf("%q opens as %q", sealed, values)
		}
		_, _ = ParseKey(string(sealed))
	})
}
