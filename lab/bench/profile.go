//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"
)

// profile writes a CPU profile of the API while something is measured, if that
// is wanted. done waits for it.
func (w *world) profile(ctx context.Context, name string, round int) (done func()) {
	if w.cfg.profiles == "" || name == "raw" || round > 0 {
		return func() {}
	}
	var writing sync.WaitGroup
	writing.Go(func() { w.writeProfile(ctx, name, w.probe, w.cfg.span) })
	return writing.Wait
}

// profileAll is profile for the API, the worker and the benchmark itself, in
// which the model server is.
func (w *world) profileAll(ctx context.Context, name string, span time.Duration) (done func()) {
	if w.cfg.profiles == "" {
		return func() {}
	}
	var writing sync.WaitGroup
	writing.Go(func() { w.writeProfile(ctx, name+"-api", w.probe, span) })
	writing.Go(func() { w.writeProfile(ctx, name+"-worker", w.workerProbe, span) })
	var own bytes.Buffer
	err := pprof.StartCPUProfile(&own)
	return func() {
		pprof.StopCPUProfile()
		w.keepProfile(name+"-load", own.Bytes(), err)
		writing.Wait()
	}
}

func (w *world) writeProfile(ctx context.Context, name, probe string, span time.Duration) {
	text, err := look(ctx, probe, fmt.Sprintf("profile?seconds=%d", max(int(span/time.Second), 1)))
	w.keepProfile(name, text, err)
}

func (w *world) keepProfile(name string, text []byte, err error) {
	if err == nil {
		err = os.WriteFile(filepath.Join(w.cfg.profiles, name+".pprof"), text, 0o600) //nolint:gosec // where the flag says
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: no profile:", err)
	}
}

// look reads one of the profiles of a process.
func look(ctx context.Context, probe, what string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+probe+"/debug/pprof/"+what, nil) //nolint:gosec // our own process
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r) //nolint:gosec // our own process
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	return io.ReadAll(resp.Body)
}
