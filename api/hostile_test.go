package api

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/tasks"
)

// Callers who mean no good, and some who only write what HTTP allows.

func TestMediaTypesInAnyCase(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for _, media := range []string{"APPLICATION/JSON", "Application/Json; Charset=UTF-8", `application/json;charset="utf-8"`, " application/json ; x=y"} {
		r := newRequest(t, http.MethodPost, "/jobs", submission, media)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			t.Errorf("%s: got %d %s", media, w.Code, w.Body)
		}
	}
}

// attentive is Jobs that answer nobody who has gone.
type attentive struct{ Jobs }

func (a attentive) Job(ctx context.Context, tenant, id string) (*tasks.Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return a.Jobs.Job(ctx, tenant, id)
}

// pipes is a listener of connections within the process, which have no time but
// that of a test's bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// inBubble has test talk to a server of h over connections that dial makes, in a
// bubble.
func inBubble(t *testing.T, cfg Config, deps Deps, test func(t *testing.T, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(t.Context(), cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		server, listener := &http.Server{Handler: h}, make(pipes)
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		test(t, func() net.Conn {
			ours, theirs := net.Pipe()
			listener <- theirs
			return ours
		})
		close(listener)
		serving.Wait()
		_ = server.Close()
	})
}

// A body that does not come is waited for no longer than the limit, also where
// nobody wants it; and is answered.
func TestBodiesThatDoNotComeHoldNothing(t *testing.T) {
	m := newMemory()
	deps := m.deps()
	deps.Jobs = attentive{deps.Jobs}
	id := m.submitted(t).ID
	tests := []struct {
		request string
		status  int
	}{
		{"POST /jobs", http.StatusUnsupportedMediaType},
		{"POST /jobs/" + id + "/cancel", http.StatusOK},
		{"GET /jobs/" + id, http.StatusOK},
		{"GET /health", http.StatusOK},
		{"PUT /jobs", http.StatusMethodNotAllowed},
		{"OPTIONS /jobs", http.StatusNoContent},
		{"POST /nowhere", http.StatusNotFound},
	}
	inBubble(t, Config{}, deps, func(t *testing.T, dial func() net.Conn) {
		for _, tt := range tests {
			for _, body := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"} {
				conn, start := dial(), time.Now()
				fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\n%s", tt.request, body)
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("%s: %v after %v", tt.request, err, time.Since(start))
				}
				if took := time.Since(start); response.StatusCode != tt.status || !response.Close || took != 10*time.Second {
					t.Errorf("%s: got %d after %v, want %d after 10s and the connection closed", tt.request, response.StatusCode, took, tt.status)
				}
				response.Body.Close()
				conn.Close()
			}
		}
	})
}

// A body that nobody wanted does not cut short what lasts longer than a body may.
func TestUnwantedBodyDoesNotEndAStream(t *testing.T) {
	m := newMemory()
	id := m.submitted(t).ID
	inBubble(t, Config{}, m.deps(), func(t *testing.T, dial func() net.Conn) {
		conn, start := dial(), time.Now()
		defer conn.Close()
		fmt.Fprintf(conn, "GET /jobs/%s/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", id)
		lines := bufio.NewScanner(conn)
		for beats := 0; beats < 4; {
			if !lines.Scan() {
				t.Fatalf("the stream ended after %v: %v", time.Since(start), lines.Err())
			}
			if strings.HasPrefix(lines.Text(), ": still here") {
				beats++
			}
		}
	})
}

// A caller that takes no answer is let go.
func TestCallersThatNeverReadAreLetGo(t *testing.T) {
	m := newMemory()
	m.becomes(m.submitted(t).ID, tasks.Succeeded)
	inBubble(t, Config{}, m.deps(), func(t *testing.T, dial func() net.Conn) {
		for _, target := range []string{"/openapi.json", "/jobs?limit=100", "/nowhere"} {
			conn, start := dial(), time.Now()
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target)
			// The server neither reads nor closes while it waits to be read.
			for err := error(nil); err == nil; {
				_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
			}
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("%s: let go after %v, want 10s", target, took)
			}
			conn.Close()
		}
	})
}

// HTTP/2 ends a stream whose time to be written is over also while nothing is
// written.
func TestQuietStreamLivesOnOverHTTP2(t *testing.T) {
	m := newMemory()
	server := httptest.NewUnstartedServer(newAPI(t, Config{WriteTimeout: 200 * time.Millisecond, Heartbeat: 600 * time.Millisecond}, m.deps()))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/jobs/" + m.submitted(t).ID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Fatalf("got %s", response.Proto)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), ": still here") {
			return
		}
	}
	t.Errorf("the stream ended before its first heartbeat: %v", lines.Err())
}

// What no reader would take alike makes one submission of a batch fail, and no
// other.
func TestSubmissionsOfABatchBreakAlone(t *testing.T) {
	good := `{"agent":"A02","input":{}}`
	items := []string{
		good,
		`{"agent":"A02","agent":"A99","input":{}}`,
		`{"agent":"A02","input":{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`,
		`{"agent":"A02","input":{"x":1e400}}`,
		`{"agent":"A02","idempotency_key":"a","input":{},"idempotency_key":"b"}`,
		`"{\"]"`,
		good,
	}
	for media, body := range map[string]string{
		contract.MediaJSON:                        `{"jobs":[` + strings.Join(items, " ,\n ") + `]}`,
		contract.MediaLines:                       strings.Join(items, "\r\n\r\n") + "\n{\"agent\":\"\xff\"}\n{\"agent\"\n",
		"Application/X-NDJSON; charset=\"UTF-8\"": strings.Join(items, "\n"),
	} {
		w := serve(newAPI(t, Config{}, newMemory().deps()), newRequest(t, "POST", "/jobs/batch", body, media))
		got := decode[struct{ Outcomes []batchOutcome }](t, w).Outcomes
		for i, o := range got {
			want := http.StatusBadRequest
			if i < len(items) && items[i] == good {
				want = http.StatusAccepted
			}
			if o.Status != want {
				t.Errorf("%s, %d: got %d %+v, want %d", media, i, o.Status, o.Problem, want)
			}
		}
		if len(got) < len(items) {
			t.Errorf("%s: got %.300s", media, w.Body)
		}
	}
	w := serve(newAPI(t, Config{}, newMemory().deps()), newRequest(t, "POST", "/jobs/batch", good, contract.MediaLines+"; charset=utf-16"))
	if w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("lines in UTF-16: got %d", w.Code)
	}
}

// A few bytes of JSON can take a hundred times their memory, so their values are
// counted.
func TestBodiesOfTooManyValuesAreRefused(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	many := "[" + strings.Repeat("0,", contract.MaxValues) + "0]"
	item := `{"agent":"A02","input":{"x":[` + strings.Repeat("0,", contract.MaxValues-10) + `0]}}`
	for _, c := range []struct {
		path, body string
		most       int
	}{
		{"/jobs", `{"agent":"A02","input":{"x":` + many + `}}`, contract.MaxValues},
		{"/jobs/batch", `{"jobs":[` + strings.Repeat("0,", contract.MaxBatchValues) + `0]}`, contract.MaxBatchValues},
		{"/jobs/batch", `{"jobs":[` + strings.Repeat(item+",", 5) + item + `]}`, contract.MaxBatchValues},
	} {
		if w := do(t, h, "POST", c.path, c.body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), fmt.Sprintf("has more than %d values", c.most)) {
			t.Errorf("%s: got %d %.300s", c.path, w.Code, w.Body)
		}
	}
	w := do(t, h, "POST", "/jobs/batch", `{"jobs":[{"agent":"A02","input":{"x":`+many+`}},{"agent":"A02","input":{}}]}`)
	if got := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(got, fmt.Sprintf("has more than %d values", contract.MaxValues)) || !strings.Contains(got, `"accepted":1`) {
		t.Errorf("one of a batch: got %d %.300s", w.Code, got)
	}
}

// What cannot be read of a query is not left out: the rest would mean something
// else.
func TestBrokenQueriesAreRefused(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for query, want := range map[string]int{
		"limit=%zz": 400, "state=failed;agent=A02": 400, "agent=A%2": 400, "unknown=%": 400,
		"limit=%31": 200, "&&&": 200, "=": 200, "agent=%25": 200,
	} {
		r := newRequest(t, "GET", "/jobs", "", "")
		r.URL.RawQuery = query
		if w := serve(h, r); w.Code != want {
			t.Errorf("%s: got %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
}
