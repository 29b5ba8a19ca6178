package equal

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestInputsThatAreEqual(t *testing.T) {
	const nfc, nfd = "Caf\u00e9", "Cafe\u0301"
	for _, c := range []struct {
		name, a, b string
		equal      bool
	}{
		{"order and white space", `{"a":1,"b":[2]}`, `{ "b": [2], "a": 1 }`, true},
		{"NFC and NFD", `{"a":"` + nfc + `"}`, `{"a":"` + nfd + `"}`, true},
		{"names in NFC and NFD", `{"` + nfc + `":1}`, `{"` + nfd + `":1}`, true},
		{"1 and 1.0 and 1e0", `[1,1.0,10e-1]`, `[1.0,1e0,1]`, true},
		{"-0 and 0", `[-0]`, `[0]`, true},
		{"fractions", `[0.10]`, `[1e-1]`, true},
		{"null and absent", `{"a":null,"b":1}`, `{"b":1}`, true},
		{"blank and absent", `{"a":" ","b":1}`, `{"b":1}`, true},
		{"null in a list", `[null]`, `[]`, false},
		{"a number and a text", `[1]`, `["1"]`, false},
		{"numbers beyond a float64", `[9007199254740993]`, `[9007199254740992]`, false},
		{"0.1 and its float64", `[0.1]`, `[0.1000000000000000055511151231257827]`, false},
		{"exponents too large to write out", `[1e999999999]`, `[1e999999998]`, false},
		{"numbers too long to read by value", `[` + strings.Repeat("7", maxDigits) + `.0]`, `[` + strings.Repeat("7", maxDigits) + `]`, false},
		{"upper and lower case", `{"a":"X"}`, `{"a":"x"}`, false},
	} {
		digest := func(input string) string {
			t.Helper()
			d, err := Digest(&tasks.Job{Tenant: "acme", Agent: "A02"}, json.RawMessage(input))
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			return d
		}
		if got := digest(c.a) == digest(c.b); got != c.equal {
			t.Errorf("%s: %s and %s: equal %t", c.name, c.a, c.b, got)
		}
	}
}

// An input with two names that NFC makes the same has one digest, which is that of no
// input with one of them.
func TestNamesThatNFCMakesTheSame(t *testing.T) {
	digest := func(input string) string {
		t.Helper()
		d, err := Digest(&tasks.Job{Tenant: "acme", Agent: "A02"}, json.RawMessage(input))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	both := digest("{\"Caf\u00e9\":1,\"Cafe\u0301\":2}")
	for range 100 { // maps have no order
		if digest("{\"Caf\u00e9\":1,\"Cafe\u0301\":2}") != both {
			t.Fatal("one input has two digests")
		}
	}
	for _, one := range []string{"{\"Caf\u00e9\":1}", "{\"Caf\u00e9\":2}"} {
		if digest(one) == both {
			t.Errorf("%s has the digest of an input with another member", one)
		}
	}
}
