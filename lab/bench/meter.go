//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
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
	pids := map[string]int{"load": os.Getpid()}
	for _, p := range w.processes {
		pids[p.name] = p.cmd.Process.Pid
	}
	for name, pid := range pids {
		if text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat")); err == nil {
			all[name] = processorTime(string(text))
		}
	}
	return all
}

// clockTick is the unit of /proc/<pid>/stat on Linux.
const clockTick = 10 * time.Millisecond

// processorTime reads the time in user and in system mode from the text of
// /proc/<pid>/stat (proc(5)), in which the program's name may hold anything.
func processorTime(stat string) time.Duration {
	_, rest, _ := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}

// spending writes the processor time that each thing has cost.
func (w work) spending() string {
	var parts []string
	for _, name := range []string{"api", "worker", "redis", "load"} {
		if t, ok := w.spent[name]; ok && t > 0 {
			parts = append(parts, fmt.Sprintf("%s %d µs", name, t.Microseconds()))
		}
	}
	return "CPU " + strings.Join(parts, ", ")
}
