package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAChainThatWasTouchedIsFoundOut(t *testing.T) {
	for _, c := range []struct {
		name  string
		touch func([]string) []string
		line  int // that is told of; 0: none is
		says  string
	}{
		{"nothing", func(l []string) []string { return l }, 0, ""},
		{"a change", func(l []string) []string { l[3] = strings.Replace(l[3], "acme", "evil", 1); return l }, 4, "hash"},
		{"a space", func(l []string) []string { l[3] = strings.Replace(l[3], ":", ": ", 1); return l }, 4, "hash"},
		{"a removal", func(l []string) []string { return slices.Delete(l, 3, 4) }, 4, "sequence number is 5 after 3"},
		{"a swap", func(l []string) []string { l[3], l[4] = l[4], l[3]; return l }, 4, "sequence number is 5 after 3"},
		{"a repeat", func(l []string) []string { return slices.Insert(l, 4, l[3]) }, 5, "sequence number is 4 after 4"},
		{"an insertion", func(l []string) []string { return slices.Insert(l, 3, "{}\n") }, 4, "not a line"},
		{"an empty line", func(l []string) []string { return slices.Insert(l, 3, "\n") }, 4, "not a line"},
		{"a long line", func(l []string) []string { return slices.Insert(l, 3, strings.Repeat("x", maxLine+1)+"\n") }, 4, "not a line"},
		{"a cut line", func(l []string) []string { l[5] = l[5][:40]; return l }, 6, "incomplete"},
		{"a beginning that is gone", func(l []string) []string { return l[2:] }, 0, ""},
		{"an end that is gone", func(l []string) []string { return l[:4] }, 0, ""},
		{"nothing left", func([]string) []string { return nil }, 0, "no line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := written(t, Key{}, 5)
			rewrite(t, path, c.touch(lines(t, path)))
			_, err := Verify([]string{path}, Key{}, "")
			want := ""
			if c.line > 0 {
				want = fmt.Sprintf("%s:%d: ", path, c.line)
			}
			if (err == nil) != (c.says == "") || err != nil && (!strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %s…%s", err, want, c.says)
			}
		})
	}
}

func TestALineThatWasHashedAnewBreaksTheChain(t *testing.T) {
	path := written(t, Key{}, 5)
	all := lines(t, path)
	e, _, err := readLine([]byte(strings.TrimSpace(all[3])), Key{})
	if err != nil {
		t.Fatal(err)
	}
	e.Tenant = "evil"
	forged, _, err := appendLine(nil, e, Key{})
	if err != nil {
		t.Fatal(err)
	}
	all[3] = string(forged)
	rewrite(t, path, all)
	if _, err := Verify([]string{path}, Key{}, ""); err == nil || !strings.Contains(err.Error(), ":5: it does not follow") {
		t.Errorf("got %v", err)
	}
}

func TestAnAnchorTellsThatTheEndIsMissing(t *testing.T) {
	path := written(t, Key{}, 5)
	whole := sound(t, Key{}, path)
	rewrite(t, path, lines(t, path)[:4])
	if _, err := Verify([]string{path}, Key{}, whole.Hash); err == nil || !strings.Contains(err.Error(), "missing at the end") {
		t.Errorf("got %v", err)
	}
	s := sound(t, Key{}, path)
	if s, err := Verify([]string{path}, Key{}, s.Hash); err != nil || !s.Anchored || s.Last != 4 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestAKeyedChainNeedsItsKey(t *testing.T) {
	path := written(t, key(t, "1"), 2)
	sound(t, key(t, "1"), path)
	for name, other := range map[string]Key{"none": {}, "another": key(t, "2")} {
		if _, err := Verify([]string{path}, other, ""); err == nil || !strings.Contains(err.Error(), "SPILLWAY_AUDIT_KEY") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	var k Key
	for _, bad := range []string{"hush", strings.Repeat("a", 62), "!"} {
		if err := k.UnmarshalText([]byte(bad)); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	if got := fmt.Sprint(key(t, "1")); got != "***" {
		t.Errorf("a key prints as %s", got)
	}
}

func FuzzReadLine(f *testing.F) {
	line, _, err := appendLine(nil, change("/jobs/job_1"), Key{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line[:len(line)-1])
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if _, hash, err := readLine(line, Key{}); err == nil && !strings.Contains(string(line), hash) {
			t.Errorf("%q has the hash %s", line, hash)
		}
	})
}
