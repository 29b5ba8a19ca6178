package webhook

import "testing"

func TestATenantHasItsShareWhateverItsHosts(t *testing.T) {
	p := newPlaces(2, 3)
	take := func(tenant, host string) bool {
		_, ok := p.take(tenant, host)
		return ok
	}
	for place := 1; place <= 3; place++ {
		if got := take("acme", "a"); got != (place <= 2) {
			t.Errorf("place %d at a host: got %v", place, got)
		}
	}
	if !take("acme", "b") || take("acme", "c") {
		t.Error("a tenant: want three places")
	}
	if !take("other", "c") {
		t.Error("another tenant waits for it")
	}
}

func TestASilentHostHasOnePlaceUntilItAnswers(t *testing.T) {
	for _, silence := range []Class{TimedOut, Unreachable, Insecure} {
		p := newPlaces(2, 9)
		leave, _ := p.take("acme", "a")
		leave(Outcome{Class: silence})
		probe, ok := p.take("acme", "a")
		if _, second := p.take("acme", "a"); !ok || second {
			t.Errorf("%s: want one place", silence)
		}
		probe(Outcome{Class: Rejected}) // it is there again
		_, first := p.take("acme", "a")
		if _, second := p.take("acme", "a"); !first || !second {
			t.Errorf("%s: it answers, and has not its places back", silence)
		}
	}
}
