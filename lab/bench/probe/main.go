// Command probe is spillway, with net/http/pprof: what the benchmarks
// run, so that they can look into what they measure. SPILLWAY_PROBE_LISTEN is
// the address of the profiles.
package main

import (
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/topcentral/spillway/cli"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	profiles := &http.Server{Addr: os.Getenv("SPILLWAY_PROBE_LISTEN"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	if profiles.Addr != "" {
		go func() { _ = profiles.ListenAndServe() }() // it ends with the process; the benchmark reports if it is not there
	}
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
