package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/tasks"
)

func TestWhoMayListen(t *testing.T) {
	for _, c := range []struct {
		name, listen  string
		auth          authentication
		cert          string
		proxy         bool
		refused       string // "" if it may
		authenticates bool
	}{
		{"loopback", "127.0.0.1:8080", authAuto, "", false, "", false},
		{"loopback by name", "localhost:8080", authAuto, "", false, "", false},
		{"loopback of IPv6", "[::1]:8080", authAuto, "", false, "", false},
		{"loopback with keys", "127.0.0.1:8080", authRequired, "", false, "", true},
		{"everywhere", "0.0.0.0:8080", authAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"everywhere without a host", ":8080", authAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"everywhere of IPv6", "[::]:8080", authAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"another name", "spillway.example.com:8080", authAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"a name that looks like loopback", "127.0.0.1.example.com:8080", authAuto, "", false, "SPILLWAY_TLS_CERT", true},
		{"with a certificate", "0.0.0.0:8080", authAuto, "cert.pem", false, "", true},
		{"behind a proxy", "10.0.0.5:8080", authAuto, "", true, "", true},
		{"for everyone", "0.0.0.0:8080", authOff, "cert.pem", false, "SPILLWAY_AUTH=off", false},
		{"for everyone behind a proxy", "0.0.0.0:8080", authOff, "", true, "SPILLWAY_AUTH=off", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config{APIListen: c.listen, AdminListen: "127.0.0.1:8081", Auth: c.auth, TLSCert: c.cert, TLSKey: c.cert, TLSTerminatedByProxy: c.proxy}
			if got := cfg.authenticates(); got != c.authenticates {
				t.Errorf("authenticates: got %v", got)
			}
			err := cfg.mayListen()
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got %v, want it refused for %q", err, c.refused)
			}
		})
	}
}

func TestWhoMayListenForOperators(t *testing.T) {
	for _, c := range []struct {
		name, api, admin string
		auth             authentication
		cert, refused    string // "" if it may
		authenticates    bool
	}{
		{"loopback", "127.0.0.1:8080", "127.0.0.1:8081", authAuto, "", "", false},
		{"beside an API for others", "0.0.0.0:8080", "127.0.0.1:8081", authAuto, "cert.pem", "", true},
		{"with keys", "127.0.0.1:8080", "127.0.0.1:8081", authRequired, "", "", true},
		{"everywhere", "127.0.0.1:8080", "0.0.0.0:8081", authAuto, "cert.pem", "", true},
		{"everywhere in the clear", "127.0.0.1:8080", "0.0.0.0:8081", authAuto, "", "SPILLWAY_TLS_CERT", true},
		{"for everyone", "127.0.0.1:8080", "0.0.0.0:8081", authOff, "cert.pem", "SPILLWAY_AUTH=off", false},
		{"nowhere", "127.0.0.1:8080", adminOff, authOff, "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config{APIListen: c.api, AdminListen: c.admin, Auth: c.auth, TLSCert: c.cert, TLSKey: c.cert}
			if got := cfg.adminAuthenticates(); got != c.authenticates {
				t.Errorf("authenticates: got %v", got)
			}
			err := cfg.mayListen()
			if (err == nil) != (c.refused == "") || err != nil && (!strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "SPILLWAY_ADMIN_LISTEN")) {
				t.Errorf("got %v, want it refused for %q", err, c.refused)
			}
		})
	}
}

func TestOpenListenersDoNotStart(t *testing.T) {
	t.Setenv("SPILLWAY_API_LISTEN", "0.0.0.0:0")
	t.Setenv("SPILLWAY_AUTH", "off")
	for _, name := range []string{"api", "dev"} {
		_, errs, code := command(t, name)
		if code != exitError || !strings.Contains(errs, "SPILLWAY_AUTH=off") || !strings.Contains(errs, "SPILLWAY_TLS_CERT") {
			t.Errorf("%s: got %d, %s", name, code, errs)
		}
	}
}

func TestKeysFromTheCommandLine(t *testing.T) {
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+redistest.Start(t).Addr)
	t.Setenv("SPILLWAY_API_LISTEN", "127.0.0.1:0")
	t.Setenv("SPILLWAY_AUTH", "required")
	api := serve(t, regexp.MustCompile("serving the API"), "api")
	t.Setenv("SPILLWAY_URL", "http://"+find(api.log.String(), `msg="serving the API" address=(\S+)`))

	if _, errs, code := commandWith(t, "{}", "submit", "A02"); code != exitError || !strings.Contains(errs, "401") {
		t.Errorf("without a key: got %d, %s", code, errs)
	}
	key := strings.TrimSpace(must(t, "", "keys", "create", "--tenant", "acme", "--role", "submitter", "--name", "crm", "--expires", "90d"))
	t.Setenv("SPILLWAY_API_KEY", key)
	id := strings.TrimSpace(must(t, opportunity, "submit", "A02"))
	if j := decode(t, must(t, "", "get", id)); j.Tenant != "acme" || j.State != tasks.Queued {
		t.Errorf("got a job of %s, %s", j.Tenant, j.State)
	}

	keyID := strings.Split(key, "_")[2]
	next := strings.TrimSpace(must(t, "", "keys", "rotate", keyID, "--overlap", "7d"))
	listed := must(t, "", "keys", "list")
	for _, want := range []string{`spw_live_` + keyID + `_….{4} +acme +crm +agents:read,jobs:cancel,jobs:read,jobs:write +until `, strings.Split(next, "_")[2]} {
		if !regexp.MustCompile(want).MatchString(listed) {
			t.Errorf("no line like %s in\n%s", want, listed)
		}
	}
	if strings.Contains(listed, key[25:60]) || strings.Contains(api.log.String(), key) {
		t.Error("the key is shown again")
	}
	must(t, "", "keys", "revoke", keyID)
	until(t, "the revoked key still counts", func() bool {
		_, errs, _ := command(t, "get", id)
		return strings.Contains(errs, "401")
	})
	t.Setenv("SPILLWAY_API_KEY", next)
	must(t, "", "get", id)
	for _, wrong := range [][]string{
		{"create", "--tenant", "acme"}, {"create", "--tenant", "a b", "--role", "viewer"}, {"create", "--tenant", "acme", "--role", "king"},
		{"create", "--tenant", "acme", "--scope", "jobs:all"}, {"create", "--tenant", "acme", "--role", "viewer", "--allow-ip", "x"},
		{"revoke", "nobody"}, {"rotate", keyID},
	} {
		if out, errs, code := command(t, append([]string{"keys"}, wrong...)...); code == exitOK || out != "" || errs == "" {
			t.Errorf("%v: got %d, %q, %q", wrong, code, out, errs)
		}
	}
}

// until asks until the answer is yes.
func until(t *testing.T, otherwise string, yes func() bool) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for !yes() {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
	}
}

// writeCertificate makes a certificate of that name for 127.0.0.1, and returns
// its files.
func writeCertificate(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writeCertificate(t, dir, "first")
	c, err := openCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := func() string {
		t.Helper()
		c.looked = time.Time{}
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.Subject.CommonName
	}
	if got := now(); got != "first" {
		t.Errorf("at first: got %s", got)
	}
	if err := os.WriteFile(certFile, []byte("not yet"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := now(); got != "first" {
		t.Errorf("while it is broken: got %s", got)
	}
	writeCertificate(t, dir, "second one") // of another size than the first
	if got := now(); got != "second one" {
		t.Errorf("when it is whole again: got %s", got)
	}
	if _, err := openCertificate(certFile, filepath.Join(dir, "nothing"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a certificate without a key is accepted")
	}
}

func TestTLSIsNewEnough(t *testing.T) {
	certFile, keyFile := writeCertificate(t, t.TempDir(), "here")
	c, err := openCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
	go func() { ended <- serveHTTP(ctx, c.over(l), hello, slog.New(slog.DiscardHandler)) }()
	pool := x509.NewCertPool()
	pool.AddCert(c.pair.Leaf)
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: version}}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + l.Addr().String())
		if (err == nil) != want {
			t.Errorf("%s: got %v", tls.VersionName(version), err)
		}
		if err == nil {
			if resp.Proto != "HTTP/2.0" {
				t.Errorf("got %s", resp.Proto)
			}
			resp.Body.Close()
		}
		transport.CloseIdleConnections()
	}
	stop()
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
}

func TestLogsHoldNoKeys(t *testing.T) {
	const key = "spw_live_4fQ0aT2bXk9Z_" + "0123456789012345678901234567890123456789012345678"
	for _, format := range []string{logText, logJSON} {
		var out strings.Builder
		log := newLog(config{LogFormat: format}, &out)
		log.Error("refused "+key, "header", "Bearer "+key, "error", errors.New("bad "+key), "all", []string{"x", key}, "n", 7)
		if strings.Contains(out.String(), "0123456789") || strings.Count(out.String(), "spw_live_4fQ0aT2bXk9Z_***") != 4 {
			t.Errorf("%s: got %s", format, out.String())
		}
	}
}
