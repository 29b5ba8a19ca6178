package redisconn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
)

// A server that listens on a socket, and over TLS only for those with a
// certificate that its authority has signed.
func TestSocketsAndClientCertificates(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	writeCertificates(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure := l.Addr().String()
	_, port, _ := net.SplitHostPort(secure)
	l.Close()
	redistest.StartWith(t, "--unixsocket", file("redis.sock"), "--tls-port", port, "--tls-auth-clients", "yes",
		"--tls-cert-file", file("server.pem"), "--tls-key-file", file("server.key"), "--tls-ca-cert-file", file("ca.pem"))

	for name, c := range map[string]struct{ url, err string }{
		"a socket":               {"unix://" + file("redis.sock") + "?db=1", ""},
		"a certificate":          {"rediss://" + secure + "?tls_ca=" + file("ca.pem") + "&tls_cert=" + file("client.pem") + "&tls_key=" + file("client.key"), ""},
		"no certificate":         {"rediss://" + secure + "?tls_ca=" + file("ca.pem"), "certificate"},
		"an unknown authority":   {"rediss://" + secure + "?tls_cert=" + file("client.pem") + "&tls_key=" + file("client.key"), "unknown authority"},
		"a key without its half": {"rediss://" + secure + "?tls_key=" + file("client.key"), "tls_cert and tls_key need each other"},
		"a file that is not":     {"rediss://" + secure + "?tls_ca=" + file("none.pem"), "tls_ca: open "},
		"files without TLS":      {"redis://" + secure + "?tls_ca=" + file("ca.pem"), "need rediss://"},
		"as others write it":     {"redis+unix://" + file("redis.sock"), ""},
		"no path":                {"unix://redis.sock", "want unix:///path/to/redis.sock"},
	} {
		rdb, err := Open(c.url, API)
		if err == nil {
			err = rdb.Ping(t.Context()).Err()
			_ = rdb.Close() // it only asked
		}
		// A server that refuses a client may close the connection before its alert is read.
		cutOff := name == "no certificate" && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
		if (err == nil) != (c.err == "") || err != nil && !cutOff && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %v, want %q", name, err, c.err)
		}
	}
	if got := Place("unix://me:secret@" + file("redis.sock")); got != file("redis.sock") {
		t.Errorf("the place is %q", got)
	}
}

// writeCertificates makes an authority, and certificates of a server and a client
// that it has signed.
func writeCertificates(t *testing.T, dir string) {
	t.Helper()
	var authority *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, name := range []string{"ca", "server", "client"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: name == "ca", BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		if name == "ca" {
			authority, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, authority, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{
			name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: private},
		} {
			if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
