package console

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// language is a language of the console, as in HTML's lang.
type language string

const (
	english language = "en"
	chinese language = "zh"
)

// languages lists all of them, the default first.
var languages = []language{english, chinese}

// languageCookie remembers what ?lang= chose.
const languageCookie = "spillway-lang"

// languageOf returns the language of a request: what ?lang= says, else what it said
// before, else what the browser prefers. A choice is remembered.
func languageOf(w http.ResponseWriter, r *http.Request) language {
	if l := language(r.URL.Query().Get("lang")); slices.Contains(languages, l) {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // a choice of language, which is no secret; Secure where there is TLS
			Name: languageCookie, Value: string(l), Path: Root, MaxAge: 365 * 24 * 3600,
			HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
		})
		return l
	}
	if c, err := r.Cookie(languageCookie); err == nil && slices.Contains(languages, language(c.Value)) {
		return language(c.Value)
	}
	if strings.HasPrefix(r.Header.Get("Accept-Language"), string(chinese)) {
		return chinese
	}
	return english
}

// readWords reads the texts of a language.
func readWords(l language) (map[string]string, error) {
	text, err := files.ReadFile("words/" + string(l) + ".json")
	if err != nil {
		return nil, err
	}
	words := map[string]string{}
	return words, json.Unmarshal(text, &words)
}

// functions are what templates call.
func functions(words map[string]string) template.FuncMap {
	return template.FuncMap{
		// t is a text of the page. One that is missing is shown as its name: a test
		// makes sure that none is.
		"t": func(name string) string {
			if text, ok := words[name]; ok {
				return text
			}
			return name
		},
		// word is the text of a value, such as a state, or the value itself.
		"word": func(kind string, value any) string {
			text := fmt.Sprint(value)
			if known, ok := words[kind+"."+text]; ok {
				return known
			}
			return text
		},
		"time": func(t time.Time) string { return clock(t, words["unknown"]) },
		"iso":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago": func(t time.Time) string {
			if t.IsZero() {
				return words["unknown"]
			}
			return span(time.Since(t))
		},
		"span":    span,
		"ms":      func(n int64) string { return span(time.Duration(n) * time.Millisecond) },
		"seconds": func(s float64) string { return span(time.Duration(s * float64(time.Second))) },
		"money":   func(m tasks.Money) string { return "$" + m.String() },
		"pretty":  pretty,
		"percent": func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
	}
}

// clock shows a time; unknown if it is zero.
func clock(t time.Time, unknown string) string {
	if t.IsZero() {
		return unknown
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// span shows a duration in its two largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d, 0).Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %02d h", int(d.Hours())/24, int(d.Hours())%24)
}

// visible shows what does not print, or changes the direction of writing, as its
// code point, so that data cannot look like something else.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && r != '\t' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// pretty indents JSON; what is none is shown as it is.
func pretty(raw json.RawMessage) string {
	var v any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return string(raw)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(v) != nil {
		return string(raw)
	}
	return strings.TrimSpace(b.String())
}
