package mockllm

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// Trip is a denied value that has arrived.
type Trip struct {
	Value    string    `json:"value"` // as it was denied
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	At       time.Time `json:"at"`
}

// maxTrips bounds how many trips are kept; all are counted.
const maxTrips = 1000

// tripwire watches for values that must never arrive.
type tripwire struct {
	mu     sync.Mutex
	denied map[string]pattern
	trips  []Trip
	count  int
}

// pattern is a denied value as it is looked for.
type pattern struct {
	folded   string
	squeezed string // without white space and hyphens; "" if too short to be distinctive
}

// Deny replaces the values that must not arrive. They are found whatever the
// case, the width and the escapes of their characters; those of squeezable
// characters or more also with spaces and hyphens between them.
func (s *Server) Deny(values ...string) {
	t := &s.tripwire
	t.mu.Lock()
	defer t.mu.Unlock()
	t.denied = make(map[string]pattern, len(values))
	for _, v := range values {
		p := pattern{folded: fold(v)}
		if squeezed := squeeze(p.folded); len([]rune(squeezed)) >= squeezable {
			p.squeezed = squeezed
		}
		if p.folded != "" {
			t.denied[v] = p
		}
	}
}

// squeezable is how many characters a value has at least that is also looked for
// between spaces.
const squeezable = 7

// Tripped returns how often a denied value has arrived, and the first such
// arrivals.
func (s *Server) Tripped() (int, []Trip) {
	s.tripwire.mu.Lock()
	defer s.tripwire.mu.Unlock()
	return s.tripwire.count, append([]Trip{}, s.tripwire.trips...)
}

// check reports whether a call holds a denied value.
func (t *tripwire) check(provider, model, url string, body []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.denied) == 0 {
		return false
	}
	text := fold(url + "\n" + string(body))
	squeezed := squeeze(text)
	found := false
	for value, p := range t.denied {
		if !strings.Contains(text, p.folded) && (p.squeezed == "" || !strings.Contains(squeezed, p.squeezed)) {
			continue
		}
		found = true
		t.count++
		if len(t.trips) < maxTrips {
			t.trips = append(t.trips, Trip{Value: value, Provider: provider, Model: model, At: time.Now()})
		}
	}
	return found
}

// escapes matches the escapes of JSON, however often a text was put into JSON.
var escapes = regexp.MustCompile(`(?:\\+u[0-9a-fA-F]{4})+`)

// fold takes out what does not change a text's meaning: escapes, width, case.
func fold(text string) string {
	text = escapes.ReplaceAllStringFunc(text, unescape)
	return strings.ToLower(norm.NFKC.String(text))
}

func unescape(text string) string {
	var units []uint16
	for part := range strings.SplitSeq(text, "u") {
		if n, err := strconv.ParseUint(strings.TrimRight(part, `\`), 16, 16); err == nil {
			units = append(units, uint16(n))
		}
	}
	return string(utf16.Decode(units))
}

// squeeze takes out white space, hyphens and the backslashes of escapes.
func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '\\' {
			return -1
		}
		return r
	}, text)
}
