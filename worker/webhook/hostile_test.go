package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeliverOutlastsHostileReceivers holds the bounds in time against
// receivers that waste it. Time is the bubble's own, so the real limits apply.
func TestDeliverOutlastsHostileReceivers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name   string
		scheme string
		serve  func(conn net.Conn)
		class  Class
		took   time.Duration
	}{
		{"closes at once", "http", func(net.Conn) {}, Unreachable, 0},
		{"speaks another protocol", "http", answer("SSH-2.0-OpenSSH_9.6\r\n"), Unreachable, 0},
		{"never reads", "http", func(net.Conn) { time.Sleep(time.Minute) }, TimedOut, 15 * time.Second},
		{"never answers", "http", answer(""), TimedOut, 10 * time.Second},
		{"dribbles headers", "http", dribble(ok), TimedOut, 10 * time.Second},
		{"dribbles the body", "http", dribble(ok + "Content-Length: 100000\r\n\r\n"), Delivered, 2 * time.Second},
		{"floods headers", "http", flood(ok, "X-Flood: 0123456789\r\n"), Unreachable, 0},
		{"floods early answers", "http", flood("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), Unreachable, 0},
		{"floods the body", "http", flood(ok+"Content-Length: 10000000000\r\n\r\n", strings.Repeat("x", 1024)), Delivered, 0},
		{"hangs in the handshake", "https", answer(""), TimedOut, 5 * time.Second},
		{"no TLS", "https", answer("HTTP/1.1 400 Bad Request\r\n\r\n"), Insecure, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var read atomic.Int64
				var servers sync.WaitGroup
				defer servers.Wait()
				c := newSender(t)
				template(c).DialContext = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					servers.Go(func() {
						defer func() { _ = theirs.Close() }()
						tt.serve(theirs)
					})
					return meter{ours, &read}, nil
				}
				o := c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: tt.scheme + "://hooks.example.com/", Body: []byte("{}")})
				if o.Class != tt.class || o.Took != tt.took {
					t.Errorf("got %s after %v, want %s after %v (%v)", o.Class, o.Took, tt.class, tt.took, o.cause)
				}
				if got, most := read.Load(), int64(maxHeader+maxBody+16<<10); got > most {
					t.Errorf("%d bytes were read, more than %d", got, most)
				}
			})
		})
	}
}

// meter counts what is read from a connection.
type meter struct {
	net.Conn
	read *atomic.Int64
}

func (m meter) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.read.Add(int64(n))
	return n, err
}

// talk returns a receiver that hears the beginning of a request, and then
// speaks until the sender hangs up.
func talk(speak func(io.Writer)) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		var listening sync.WaitGroup
		listening.Go(func() { _, _ = io.Copy(io.Discard, conn) })
		speak(conn)
		listening.Wait()
	}
}

func answer(text string) func(net.Conn) {
	return talk(func(w io.Writer) { _, _ = io.WriteString(w, text) })
}

// flood says first, and then again and again the same.
func flood(first, again string) func(net.Conn) { return repeat(first, again, 0) }

// dribble says first, and then one byte a second.
func dribble(first string) func(net.Conn) { return repeat(first, "x", time.Second) }

func repeat(first, again string, every time.Duration) func(net.Conn) {
	return talk(func(w io.Writer) {
		_, err := io.WriteString(w, first)
		for err == nil {
			time.Sleep(every)
			_, err = io.WriteString(w, again)
		}
	})
}

// What a receiver writes for a status is passed on only if it is one.
func TestDeliverPassesOnNoOddStatus(t *testing.T) {
	for line, want := range map[string]Outcome{
		"HTTP/1.1 099 Odd": {Class: Rejected}, "HTTP/1.1 600 Odd": {Class: Rejected}, "HTTP/1.1 999 Odd": {Class: Rejected},
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x": {Class: Rejected, Status: 101},
		"HTTP/1.1 20 OK": {Class: Unreachable}, "HTTP/1.1 20000 OK": {Class: Unreachable}, "HTTP/1.1 -20 OK": {Class: Unreachable},
		"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00": {Class: Unreachable}, // GOAWAY of HTTP/2
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, line+"\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}))
		got := newSender(t).Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: srv.URL, Body: []byte("{}")})
		if got.Class != want.Class || got.Status != want.Status {
			t.Errorf("%q: got %+v, want %+v", line, got, want)
		}
		srv.Close()
	}
}

func TestDeliverTrustsOnlyGoodTLS(t *testing.T) {
	serve := func(t *testing.T, versions uint16) (url string, roots *x509.CertPool) {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		srv.TLS = &tls.Config{MaxVersion: versions}
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.StartTLS()
		t.Cleanup(srv.Close)
		roots = x509.NewCertPool()
		roots.AddCert(srv.Certificate())
		return srv.URL, roots
	}
	tests := []struct {
		name    string
		trusted bool
		version uint16
		expired bool
		class   Class
	}{
		{"trusted", true, tls.VersionTLS13, false, Delivered},
		{"oldest version", true, tls.VersionTLS12, false, Delivered},
		{"version too old", true, tls.VersionTLS11, false, Insecure},
		{"unknown authority", false, tls.VersionTLS13, false, Insecure},
		{"expired", true, tls.VersionTLS13, true, Insecure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, roots := serve(t, tt.version)
			c := newSender(t)
			cfg := template(c).TLSClientConfig
			if tt.trusted {
				cfg.RootCAs = roots
			}
			if tt.expired {
				cfg.Time = func() time.Time { return time.Now().AddDate(200, 0, 0) }
			}
			o := c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: url, Body: []byte("{}")})
			if o.Class != tt.class {
				t.Errorf("got %s, want %s (%v)", o.Class, tt.class, o.cause)
			}
		})
	}
}
