//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/topcentral/spillway/lab/footprint"
)

// meter begins to count the processor time of the world's processes, and of the
// benchmark itself. done returns what each has taken for one of n things. It needs
// Linux, and returns nothing elsewhere.
func (w *world) meter() (done func(n int) map[string]time.Duration) {
	before := w.processorTimes()
	return func(n int) map[string]time.Duration {
		spent := map[string]time.Duration{}
		for name, t := range w.processorTimes() {
			spent[name] = (t - before[name]) / time.Duration(max(n, 1))
		}
		return spent
	}
}

func (w *world) processorTimes() map[string]time.Duration {
	all := map[string]time.Duration{}
	read := func(name string, pid int) {
		if p, err := footprint.ReadProcess(pid); err == nil {
			all[name] += p.CPU
		}
	}
	read("load", os.Getpid())
	for _, p := range w.processes {
		read(p.name, p.cmd.Process.Pid)
	}
	return all
}

// spending writes the processor time that each thing has cost.
func (w work) spending() string {
	var parts []string
	for _, name := range []string{"api", "worker", "redis", "peer", "peer worker", "peer redis", "load"} {
		if t, ok := w.spent[name]; ok && t >= time.Microsecond {
			parts = append(parts, fmt.Sprintf("%s %d µs", name, t.Microseconds()))
		}
	}
	return "CPU " + strings.Join(parts, ", ")
}
