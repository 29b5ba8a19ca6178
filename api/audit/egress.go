package audit

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// ByWorker is the method of lines that a worker made.
const ByWorker access.Method = "worker"

// actionEgress is the action of a line of the egress ledger; the object is the job.
const actionEgress = "egress"

// OfEgress returns the line of a request that took a job's data to a cloud. The
// time of the line is when it is written, the request's own is in Egress.
func OfEgress(e tasks.Egress) Entry {
	return Entry{Tenant: e.Tenant, Method: ByWorker, Subject: e.Worker, Action: actionEgress, Object: "/jobs/" + e.Job, Outcome: Done, Egress: &e}
}

// Files returns the files of the log that is written to path, oldest first: the
// full ones beside it, and the file itself. An error wraps fs.ErrNotExist if its
// folder does not exist.
func Files(path string) ([]string, error) {
	files, err := archives(path)
	if err != nil {
		return nil, err
	}
	return append(files, path), nil
}

// Window selects lines of the egress ledger; the zero Window selects all of them.
type Window struct {
	Tenant       string    // "": of every tenant
	Since, Until time.Time // zero: without bound; Until is exclusive
}

func (w Window) holds(at time.Time) bool {
	return !at.Before(w.Since) && (w.Until.IsZero() || at.Before(w.Until))
}

// Gap is a part of a series of which no line was found, first and last included.
type Gap struct {
	Series string `json:"series"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
}

// Proof is what the egress ledgers of verified logs say.
type Proof struct {
	Lines []tasks.Egress // those in the window, each once, by time
	Gaps  []Gap          // between the first and the last line of the window, of any tenant
	Logs  []Summary      // of the chains
}

// Prove verifies logs, each a list of files as Verify wants it, and returns what
// left for a cloud. Logs that were written side by side share a series, so a gap may
// be in a log that was not given. A chain that is broken is an error.
func Prove(logs [][]string, k Key, w Window) (*Proof, error) {
	p := &Proof{}
	seen := map[string]map[int64]bool{}
	for _, files := range logs {
		summary, err := read(files, k, "", func(e Entry) {
			if e.Egress == nil || !w.holds(e.Egress.At) {
				return
			}
			numbers := seen[e.Egress.Series]
			if numbers == nil {
				numbers = map[int64]bool{}
				seen[e.Egress.Series] = numbers
			}
			if !numbers[e.Egress.Number] && (w.Tenant == "" || w.Tenant == e.Egress.Tenant) {
				p.Lines = append(p.Lines, *e.Egress)
			}
			numbers[e.Egress.Number] = true
		})
		if err != nil {
			return nil, err
		}
		p.Logs = append(p.Logs, summary)
	}
	for series, numbers := range seen {
		p.Gaps = append(p.Gaps, gaps(series, numbers)...)
	}
	slices.SortFunc(p.Gaps, func(a, b Gap) int { return cmp.Or(strings.Compare(a.Series, b.Series), cmp.Compare(a.First, b.First)) })
	slices.SortStableFunc(p.Lines, func(a, b tasks.Egress) int { return a.At.Compare(b.At) })
	return p, nil
}

// gaps returns what is missing between the numbers.
func gaps(series string, numbers map[int64]bool) []Gap {
	var sorted []int64
	for n := range numbers {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	var missing []Gap
	for i := 1; i < len(sorted); i++ {
		if sorted[i] > sorted[i-1]+1 {
			missing = append(missing, Gap{series, sorted[i-1] + 1, sorted[i] - 1})
		}
	}
	return missing
}

// errLocalOnly is for a line that must not exist.
var errLocalOnly = errors.New("data of privacy local_only left for a cloud")

// Check returns an error if data of local_only jobs has left.
func (p *Proof) Check() error {
	if slices.ContainsFunc(p.Lines, func(e tasks.Egress) bool { return e.Privacy == tasks.LocalOnly }) {
		return errLocalOnly
	}
	return nil
}
