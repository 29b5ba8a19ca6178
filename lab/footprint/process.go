package footprint

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is what a process takes. It can be read on Linux.
type Process struct {
	Resident  int64         // bytes in memory, as top shows them
	Anonymous int64         // those of them that are no part of a file, such as the program
	CPU       time.Duration // processor time since the start
	Files     int           // open descriptors
	Threads   int
}

// ReadProcess reads what a process takes now.
func ReadProcess(pid int) (Process, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status")) //nolint:gosec // a process's own folder
	if err != nil {
		return Process{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat")) //nolint:gosec // as above
	if err != nil {
		return Process{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return Process{}, fmt.Errorf("read the files of process %d: %w", pid, err)
	}
	return Process{
		Resident: kilobytes(string(status), "VmRSS"), Anonymous: kilobytes(string(status), "RssAnon"),
		CPU: processorTime(string(stat)), Files: len(files), Threads: int(number(string(status), "Threads")),
	}, nil
}

func kilobytes(status, name string) int64 { return number(status, name) << 10 }

// number returns the first number of a line of /proc/<pid>/status.
func number(status, name string) int64 {
	_, rest, _ := strings.Cut("\n"+status, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[0], 10, 64)
	return n
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
