package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/app/httpserver"
)

// A server that stops ends the event streams that are open, and does not wait for
// the jobs that they follow.
func TestStreamsEndWithTheServer(t *testing.T) {
	certified := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer certified.Close()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		cfg, err := config.Read()
		if err != nil {
			t.Fatal(err)
		}
		sys, err := NewEmbedded(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		handler, err := sys.handler(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() {
			served <- httpserver.Serve(ctx, tls.NewListener(l, &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}), handler, slog.New(slog.DiscardHandler))
		}()
		pool := x509.NewCertPool()
		pool.AddCert(certified.Certificate())
		transport := &http.Transport{ForceAttemptHTTP2: proto == "HTTP/2.0", TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com"}}
		client, url := &http.Client{Transport: transport}, "https://"+l.Addr().String()

		made, err := client.Post(url+"/jobs", "application/json", strings.NewReader(`{"agent":"A02","input":`+opportunity+`}`))
		if err != nil {
			t.Fatal(err)
		}
		made.Body.Close()
		stream, err := client.Get(url + made.Header.Get("Location") + "/events")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(stream.Body)
		for line := ""; !strings.HasPrefix(line, "data: "); {
			if line, err = lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if _, err := io.ReadAll(lines); err != nil || stream.Proto != proto {
			t.Errorf("%s: the stream broke off: %v", stream.Proto, err)
		}
		stream.Body.Close()
		if err := receive(t, served); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		sys.Stop()
	}
}
