package access

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestNewKeysAreOfTheirForm(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		text, made := newToken("live")
		read, err := parseToken(text)
		if err != nil || read != made {
			t.Fatalf("%s: got %v, %v, want %v", text, read, err, made)
		}
		if !regexp.MustCompile(`^` + KeyPattern + `$`).MatchString(text) {
			t.Errorf("%s does not match the published pattern", text)
		}
		if seen[text] || seen[made.id] {
			t.Errorf("%s came twice", text)
		}
		seen[text], seen[made.id] = true, true
	}
}

func TestEveryChangeOfAKeyIsRefusedOffline(t *testing.T) {
	text, _ := newToken("live")
	for i := range text {
		other := byte('x')
		if text[i] == other {
			other = 'y'
		}
		if _, err := parseToken(text[:i] + string(other) + text[i+1:]); err == nil {
			t.Errorf("changed at %d: accepted", i)
		}
		if _, err := parseToken(text[:i]); err == nil {
			t.Errorf("cut at %d: accepted", i)
		}
	}
	for _, wrong := range []string{"", "spw_", text + "0", " " + text, text + "\n", strings.ToUpper(text)} {
		if _, err := parseToken(wrong); err == nil {
			t.Errorf("%q: accepted", wrong)
		}
	}
}

func TestTheChecksumStaysWhatScannersKnow(t *testing.T) {
	if got := checksum("spw_live_000000000000_" + strings.Repeat("0", secretLength)); got != "28B5ww" {
		t.Errorf("got %s", got)
	}
	doc, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), KeyPattern) {
		t.Error("docs/security.md does not publish KeyPattern")
	}
}

func TestRedactLeavesNoSecret(t *testing.T) {
	text, made := newToken("test")
	for _, c := range []struct{ name, in, want string }{
		{"a key", "header Bearer " + text + "; more", "header Bearer spw_test_" + made.id + "_***; more"},
		{"a cut key", text[:len(text)-20], "spw_test_" + made.id + "_***"},
		{"a token", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln, more", "Bearer ***, more"},
		{"nothing", "eyJ, spw_ and other words", "eyJ, spw_ and other words"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Redact(c.in); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func FuzzParseToken(f *testing.F) {
	text, _ := newToken("live")
	f.Add(text)
	f.Add("spw_live_x")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := parseToken(text)
		if err != nil {
			return
		}
		if !strings.HasPrefix(text, "spw_") || !strings.Contains(text, read.id) || strings.Contains(Redact(text), text[len(text)-20:]) {
			t.Errorf("%q: got %v", text, read)
		}
	})
}
