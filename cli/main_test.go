package cli

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers/presets"
)

// asCommand makes the test binary be spillway: what only a process of its own
// can show is tested so, and what a shell is told to do.
const asCommand = "SPILLWAY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	clearSettings()
	goleak.VerifyTestMain(m)
}

// clearSettings makes the tests mean the same on every machine, also where there
// is an Ollama or a key.
func clearSettings() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, config.EnvPrefix+"_") && !strings.HasPrefix(name, config.EnvPrefix+"_TEST_") {
			os.Unsetenv(name)
		}
	}
	for _, p := range presets.All() {
		os.Unsetenv(p.KeyEnv)
	}
	os.Setenv("SPILLWAY_OLLAMA_URL", nobody)
	os.Setenv("SPILLWAY_ADMIN_LISTEN", "127.0.0.1:0")
	os.Setenv("SPILLWAY_HOST_CPU_LIMIT", "0") // a machine that tests is busy
	os.Setenv("SPILLWAY_HOST_MEMORY_LIMIT", "0")
}

// nobody is where nothing listens.
const nobody = "http://127.0.0.1:1"

// patient bounds every wait of these tests.
const patient = 30 * time.Second

// command runs a command to its end.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return commandWith(t, "", args...)
}

// commandWith runs a command with something on its standard input.
func commandWith(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	var out, err strings.Builder
	code = run(ctx, args, streams{strings.NewReader(stdin), &out, &err})
	return out.String(), err.String(), code
}

// served is a command that serves in the background until it is stopped.
type served struct {
	api, dashboard string // URLs
	secret         string // that webhooks are signed with
	key            string // an API key, if callers must show one
	stop           func() (code int)
	log            *syncBuffer // what it writes on standard error
}

// dev starts "spillway dev" on free ports, and points the client commands at it.
func dev(t *testing.T) *served {
	t.Helper()
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	s := serve(t, regexp.MustCompile(`^    -d `), "dev", "--admin", "127.0.0.1:0")
	t.Setenv("SPILLWAY_URL", s.api)
	return s
}

// serve starts a command and waits until it writes what ready matches.
func serve(t *testing.T, ready *regexp.Regexp, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	s := &served{log: new(syncBuffer)}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, streams{strings.NewReader(""), w, io.MultiWriter(s.log, w)})
		w.Close()
	}()
	text, drained := untilReady(r, ready)
	s.stop = sync.OnceValue(func() int {
		cancel()
		<-drained
		return <-code
	})
	t.Cleanup(func() { s.stop() })
	said := receive(t, text)
	s.api, s.dashboard, s.secret = find(said, `API +(http\S+)`), find(said, `Dashboard +(http\S+)`), find(said, `whsec_\S+`)
	s.key = find(said, `Bearer (spw_\w+)`)
	return s
}

// untilReady reads lines from r, and sends those up to the one that ready
// matches, or to the last. It drains r, and says when it is done.
func untilReady(r io.Reader, ready *regexp.Regexp) (text chan string, drained chan bool) {
	text, drained = make(chan string, 1), make(chan bool)
	go func() {
		defer close(drained)
		var said strings.Builder
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			said.WriteString(lines.Text() + "\n")
			if ready.MatchString(lines.Text()) {
				break
			}
		}
		text <- said.String()
		_, _ = io.Copy(io.Discard, r) // it is told by the exit code
	}()
	return text, drained
}

// receive takes a value that must come.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patient):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// find returns the first group that matches, or the whole match.
func find(text, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[len(m)-1]
}

// syncBuffer is what a command in the background writes.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// get fetches a URL, as if it were on host if that is not "".
func get(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// binary returns a folder with the program spillway in it, which is this test.
func binary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The race detector would have each process sleep for a second at its end.
	script := "#!/bin/sh\nGORACE=atexit_sleep_ms=0 " + asCommand + "=1 exec '" + self + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "spillway"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
