package limits

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/topcentral/spillway/providers"
)

// Settings replace limits that are known of providers by those of one's own
// accounts. The zero value replaces none.
type Settings struct {
	entries map[string]override // by provider or provider/model
}

// override is one entry; a nil leaves a limit as it is.
type override struct{ concurrency, requests, tokens *int }

// UnmarshalText reads entries such as "kimi:rpm=60,concurrency=4", separated by
// semicolons. A name is a provider or a provider/model; rpm and tpm are requests
// and tokens per minute, and 0 takes a limit away. Its error names every part
// that is wrong.
func (s *Settings) UnmarshalText(text []byte) error {
	s.entries = map[string]override{}
	var problems []error
	for entry := range strings.SplitSeq(string(text), ";") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		i := strings.LastIndex(entry, ":") // a model's name may hold one
		if i <= 0 {
			problems = append(problems, fmt.Errorf("%q: want a provider and its limits, such as kimi:rpm=60,concurrency=4", entry))
			continue
		}
		name := strings.TrimSpace(entry[:i])
		if _, twice := s.entries[name]; twice {
			problems = append(problems, fmt.Errorf("%q is set twice", name))
		}
		o, err := parse(entry[i+1:])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		s.entries[name] = o
	}
	return errors.Join(problems...)
}

// parse reads the limits of one entry.
func parse(text string) (override, error) {
	var o override
	var problems []error
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		into, known := map[string]**int{"concurrency": &o.concurrency, "rpm": &o.requests, "tpm": &o.tokens}[name]
		n, err := strconv.ParseUint(value, 10, 31)
		switch {
		case !known:
			problems = append(problems, fmt.Errorf("%q is not a limit; want rpm, tpm or concurrency, each with =NUMBER", name))
		case err != nil:
			problems = append(problems, fmt.Errorf("%s=%q: want a whole number, 0 for no limit", name, value))
		default:
			v := int(n)
			*into = &v
		}
	}
	return o, errors.Join(problems...)
}

// Apply returns what holds for a model: the limits that are known of it, with
// what is set for its provider in their place, and in place of that what is set
// for the model. own reports whether the model has limits of its own, or shares those
// of its provider.
func (s Settings) Apply(provider, model string, known providers.Limits, own bool) (l providers.Limits, ownNow bool) {
	l = known
	s.entries[provider].apply(&l)
	o, set := s.entries[provider+"/"+model]
	o.apply(&l)
	return l, own || set
}

func (o override) apply(l *providers.Limits) {
	for _, f := range []struct{ to, from *int }{
		{&l.Concurrency, o.concurrency}, {&l.RequestsPerMinute, o.requests}, {&l.TokensPerMinute, o.tokens},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
}

// Names lists the providers that something is set for.
func (s Settings) Names() []string {
	var names []string
	for name := range s.entries {
		provider, _, _ := strings.Cut(name, "/")
		names = append(names, provider)
	}
	return names
}
