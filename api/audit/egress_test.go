package audit

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// ledger writes a log of egress lines and returns its files.
func ledger(t *testing.T, lines ...tasks.Egress) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range lines {
		line, err := l.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := line.Write(OfEgress(e)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := Files(path)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestProve(t *testing.T) {
	day := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	line := func(number int64, tenant string, after time.Duration) tasks.Egress {
		return tasks.Egress{Series: "s", Number: number, Tenant: tenant, Job: "job_1", At: day.Add(after), Privacy: tasks.Masked}
	}
	// Two processes wrote side by side; the third line was written twice, since one of
	// them died before it was removed from Redis.
	a := ledger(t, line(1, "acme", 0), line(3, "acme", 2*time.Hour), line(4, "beta", 3*time.Hour))
	b := ledger(t, line(2, "acme", time.Hour), line(3, "acme", 2*time.Hour), line(7, "acme", 5*time.Hour))
	for _, c := range []struct {
		name   string
		logs   [][]string
		window Window
		want   []int64
		gaps   []Gap
	}{
		{"all", [][]string{a, b}, Window{}, []int64{1, 2, 3, 4, 7}, []Gap{{"s", 5, 6}}},
		{"one tenant", [][]string{a, b}, Window{Tenant: "beta"}, []int64{4}, []Gap{{"s", 5, 6}}},
		{"a log that is not given", [][]string{a}, Window{}, []int64{1, 3, 4}, []Gap{{"s", 2, 2}}},
		{"from a time on", [][]string{a, b}, Window{Since: day.Add(time.Hour), Until: day.Add(3 * time.Hour)}, []int64{2, 3}, nil},
		{"nothing", [][]string{a, b}, Window{Since: day.Add(24 * time.Hour)}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Prove(c.logs, Key{}, c.window)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, e := range p.Lines {
				got = append(got, e.Number)
			}
			if !slices.Equal(got, c.want) || !slices.Equal(p.Gaps, c.gaps) || p.Check() != nil {
				t.Errorf("got %v with gaps %v and %v, want %v with %v", got, p.Gaps, p.Check(), c.want, c.gaps)
			}
		})
	}
	t.Run("a broken chain", func(t *testing.T) {
		all := lines(t, a[0])
		rewrite(t, a[0], slices.Delete(all, 2, 3))
		if _, err := Prove([][]string{a}, Key{}, Window{}); err == nil {
			t.Error("no error")
		}
	})
}

func TestProveFindsLocalOnly(t *testing.T) {
	p, err := Prove([][]string{ledger(t, tasks.Egress{Series: "s", Number: 1, Privacy: tasks.LocalOnly})}, Key{}, Window{})
	if err != nil || p.Check() == nil {
		t.Errorf("got %v, %v, want the line that must not be", p, err)
	}
}
