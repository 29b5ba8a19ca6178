package outbound

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/topcentral/spillway/providers"
)

// maxMessage is how much of a foreign error text is kept, in bytes.
const maxMessage = 300

// keyShape matches what looks like an API key or a bearer token. Some servers
// repeat the key that they reject.
var keyShape = regexp.MustCompile(`(?i)\b(sk|pat)[-_][\w\-*.]{6,}|\bbearer\s+[\w\-*.~+/]{6,}=*|\beyJ[\w-]{8,}\.[\w\-.]*`)

// Clean makes an error text of a server safe to show: one line, bounded, without
// the given secrets or anything that looks like a key.
func Clean(text string, secrets ...providers.Secret) string {
	for _, s := range secrets {
		if v := s.Reveal(); len(v) >= 4 {
			text = strings.ReplaceAll(text, v, s.String())
		}
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	text = keyShape.ReplaceAllString(text, providers.Secret{}.String())
	return clip(text, maxMessage)
}

// clip cuts text to at most n bytes, at a rune's edge.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
