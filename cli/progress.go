package cli

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a batch of jobs is: a bar on a terminal, a line for
// every tenth elsewhere.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil where there is no terminal
	done  int
	total int
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{w: w, total: total}
	if f := terminal(w); f != nil {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionShowCount(),
			progressbar.OptionSetDescription("jobs"), progressbar.OptionSetWidth(40), progressbar.OptionClearOnFinish())
	}
	return p
}

// add notes that one more job has ended. It is not safe for concurrent use.
func (p *progress) add() {
	p.done++
	switch {
	case p.bar != nil:
		_ = p.bar.Add(1) // a terminal that is gone
	case p.done*10/p.total != (p.done-1)*10/p.total:
		fmt.Fprintf(p.w, "%d of %d jobs done\n", p.done, p.total)
	}
}
