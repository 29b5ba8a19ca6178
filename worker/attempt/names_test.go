package attempt

import (
	"strings"
	"testing"
	"time"
)

func TestThePassTakesAQuarterOfTheTimeLeft(t *testing.T) {
	n := newNameFinder(NamesConfig{}, nil, quiet)
	if got := n.limit(time.Now().Add(4 * time.Second)); got > time.Second {
		t.Errorf("limit %s of 4 s", got)
	}
	if got := n.limit(time.Now().Add(time.Hour)); got != namesTimeout {
		t.Errorf("limit %s of an hour", got)
	}
}

func TestChunksHoldEverySentence(t *testing.T) {
	long := strings.Repeat("今天拜访了客户。", 400)
	parts := chunks([]string{long, "短", strings.Repeat("长", 3000)})
	if joined := strings.ReplaceAll(strings.Join(parts, ""), "\n", ""); joined != long+"短"+strings.Repeat("长", 3000) {
		t.Errorf("%d characters in %d parts", len(joined), len(parts))
	}
	for _, p := range parts {
		if n := len([]rune(p)); n > namesChunk+1 {
			t.Errorf("a part of %d characters", n)
		}
	}
}
