package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestInvisibleCharactersAreShown(t *testing.T) {
	for text, want := range map[string]string{
		"项目 A\tfine\n":                 "项目 A\tfine\n",
		"\x1b[2J\x07\r\x9b":            `\u001b[2J\u0007\u000d` + "\ufffd",
		"\u009b31m":                    `\u009b31m`,
		"a\u202eb\u2066c\ufeff":        `a\u202eb\u2066c\ufeff`,
		"\U000e0041":                   `\udb40\udc41`,
		"👩\u200d🔧 naïve":               "👩\u200d🔧 naïve",
		"line\u2028separator":          `line\u2028separator`,
		"cut within a letter \xe9\xa1": "cut within a letter \ufffd",
	} {
		for name, write := range map[string]func(v *visibleWriter){
			"at once": func(v *visibleWriter) { _, _ = v.Write([]byte(text)) },
			"by byte": func(v *visibleWriter) {
				for _, b := range []byte(text) {
					_, _ = v.Write([]byte{b})
				}
			},
		} {
			var out strings.Builder
			v := &visibleWriter{w: &out}
			write(v)
			v.flush()
			if out.String() != want {
				t.Errorf("%q %s: got %q, want %q", text, name, out.String(), want)
			}
		}
	}
}

// JSON that a command prints stays JSON with the same values.
func TestVisibleJSONIsTheSame(t *testing.T) {
	value := map[string]string{"a": "x\u202ey\u007f\u009b\U000e0041"}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := (&visibleWriter{w: &out}).Write(text); err != nil {
		t.Fatal(err)
	}
	var again map[string]string
	if err := json.Unmarshal([]byte(out.String()), &again); err != nil || again["a"] != value["a"] {
		t.Errorf("got %s, %v", out.String(), err)
	}
}

// An error of a server cannot reach the terminal's controls, and no command
// prints the password of a URL.
func TestErrorsFromElsewhereAreHarmless(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"detail":"\u001b]0;owned\u0007 and \u202etxt.exe"}`))
	}))
	defer s.Close()
	t.Setenv("SPILLWAY_URL", strings.Replace(s.URL, "http://", "http://me:hush@", 1))
	out, errs, _ := command(t, "get", "job_1")
	if strings.ContainsAny(out+errs, "\x1b\x07\u202e") || !strings.Contains(errs, `\u001b]0;owned\u0007 and \u202etxt.exe`) {
		t.Errorf("got %q, %q", out, errs)
	}
	_, errs, _ = command(t, "get", "job_1", "--server", "http://me:hush@[::1")
	if strings.Contains(errs, "hush") {
		t.Errorf("the password is shown: %q", errs)
	}
}
