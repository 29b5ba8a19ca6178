package httpx

import (
	"fmt"
	"os"
	"strings"
	"testing"

	contractlab "github.com/topcentral/spillway/lab/contract"
)

func TestParseIdempotencyKey(t *testing.T) {
	long := strings.Repeat("k", MaxIdempotencyKey)
	for _, c := range []struct {
		header, want string
		ok           bool
	}{
		{`"a"`, `a`, true},
		{`a`, `a`, true},
		{`order:4711/line-3`, `order:4711/line-3`, true},
		{`a b`, `a b`, true},
		{`"a, b"`, `a, b`, true},
		{`"say \"hi\" \\ bye"`, `say "hi" \ bye`, true},
		{`a\b`, `a\b`, true},
		{`" !#[]~"`, ` !#[]~`, true},
		{long, long, true},
		{`"` + long + `"`, long, true},
		{`"` + strings.Repeat(`\\`, MaxIdempotencyKey) + `"`, strings.Repeat(`\`, MaxIdempotencyKey), true},

		{``, "", false},
		{`""`, "", false},
		{`"`, "", false},
		{`"a`, "", false},
		{`a"`, "", false},
		{`"a"b`, "", false},
		{`"a" `, "", false},
		{`"a", "b"`, "", false},
		{`a, b`, "", false},
		{`"a";v=1`, "", false},
		{`"\`, "", false},
		{`"\"`, "", false},
		{`"\n"`, "", false},
		{"a\tb", "", false},
		{"\"a\tb\"", "", false},
		{"\"\x7f\"", "", false},
		{`"钥匙"`, "", false},
		{"a\xff", "", false},
		{long + "k", "", false},
		{`"` + long + `k"`, "", false},
	} {
		got, err := ParseIdempotencyKey(&c.header)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: got %q, %v; want %q", c.header, got, err, c.want)
		}
	}
	if got, err := ParseIdempotencyKey(nil); got != "" || err != nil {
		t.Errorf("no header: got %q, %v", got, err)
	}
}

// The contract promises what ParseIdempotencyKey does.
func FuzzParseIdempotencyKey(f *testing.F) {
	for _, seed := range []string{`"8e03978e-40d5-43dd-bc93-6894a57f9324"`, `a`, `"a\"b\\"`, `a, b`, `"a";b`, `""`, "\"\x80\"", `-`, `a\`} {
		f.Add(seed)
	}
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		f.Fatal(err)
	}
	c, err := contractlab.Read(text)
	if err != nil {
		f.Fatal(err)
	}
	at := ""
	parameters := c.Document["paths"].(map[string]any)["/jobs"].(map[string]any)["post"].(map[string]any)["parameters"].([]any)
	for i, p := range parameters {
		if p.(map[string]any)["name"] == HeaderIdempotencyKey {
			at = fmt.Sprintf("/paths/~1jobs/post/parameters/%d/schema", i)
		}
	}
	schema, err := c.Schema(at)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := ParseIdempotencyKey(&header)
		if (err == nil) != (schema.Validate(header) == nil) {
			t.Errorf("%q: got %v, the contract says %v", header, err, schema.Validate(header))
		}
		if err != nil {
			return
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(got) + `"`
		if again, err := ParseIdempotencyKey(&quoted); again != got || err != nil {
			t.Errorf("%q: got %q, and %q, %v when quoted", header, got, again, err)
		}
	})
}
