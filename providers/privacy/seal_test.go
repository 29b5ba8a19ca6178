package privacy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func testKey(t *testing.T, fill byte) Key {
	t.Helper()
	k, err := ParseKey(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(fill), keySize))))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheMapIsSealed(t *testing.T) {
	m, person, _ := contact(t)
	key := testKey(t, 'a')
	sealed, err := key.Seal(m, "job_1")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "王小明") {
		t.Error("the sealed map shows a value")
	}
	values, err := key.Open(sealed, "job_1")
	if err != nil || values[person] != "王小明" {
		t.Errorf("opened: %v, %v", values, err)
	}
	if _, err := key.Open(sealed, "job_2"); err == nil {
		t.Error("it opens for another job")
	}
	if _, err := testKey(t, 'b').Open(sealed, "job_1"); err == nil {
		t.Error("it opens with another key")
	}
	if _, err := (Key{}).Seal(m, "job_1"); err == nil {
		t.Error("it is sealed without a key")
	}
}

func TestAKeyIsNotShown(t *testing.T) {
	key := testKey(t, 'a')
	raw, err := json.Marshal(map[string]any{"k": key})
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", key, key, key, raw); strings.Contains(shown, "aaa") || strings.Contains(shown, "97") {
		t.Errorf("shown: %s", shown)
	}
	for _, bad := range []string{"short", "!!!", base64.StdEncoding.EncodeToString([]byte("16 bytes are few"))} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}

func TestDrop(t *testing.T) {
	const input = `{"account":{"balance":1,"name":"x"},"keys":["a","b"],"list":[{"pin":1,"n":2},{"pin":3}],"a/b":1,"n":12345678901234567890}`
	for _, c := range []struct {
		pointers []string
		want     string
	}{
		{nil, input},
		{[]string{"/account/balance", "/keys", "/list/*/pin", "/a~1b"}, `{"account":{"name":"x"},"list":[{"n":2},{}],"n":12345678901234567890}`},
		{[]string{"/*/balance", "/keys/0", "/list/1", "/nothing/here"}, `{"a/b":1,"account":{"name":"x"},"keys":["b"],"list":[{"n":2,"pin":1}],"n":12345678901234567890}`},
		{[]string{"/keys/*", "/list", "/account", "/n"}, `{"a/b":1,"keys":[]}`},
		{[]string{"/*"}, `{}`},
		{[]string{"/keys/0", "/keys/1"}, `{"a/b":1,"account":{"balance":1,"name":"x"},"keys":[],"list":[{"n":2,"pin":1},{"pin":3}],"n":12345678901234567890}`},
		{[]string{"/list/0", "/list/*/pin", "/account/name", "/account"}, `{"a/b":1,"keys":["a","b"],"list":[{}],"n":12345678901234567890}`},
	} {
		got, err := Drop(json.RawMessage(input), c.pointers)
		if err != nil || string(got) != c.want {
			t.Errorf("%v: %s, %v; want %s", c.pointers, got, err, c.want)
		}
	}
}
