package httpserver

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// Certificate is a pair of files that is read again when it changes, so that a
// renewed certificate needs no restart.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex // guards the rest
	pair   *tls.Certificate
	read   [2]stamp // the files as they were when they were last read
	looked time.Time
}

// stamp identifies a version of a file.
type stamp struct {
	at   time.Time
	size int64
}

// certificateLook is how often at most the files are looked at.
const certificateLook = time.Second

// OpenCertificate reads a certificate and its key; nil if there is no file.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	if certFile == "" {
		return nil, nil //nolint:nilnil // no certificate is no error
	}
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("SPILLWAY_TLS_CERT and SPILLWAY_TLS_KEY: %w", err)
	}
	return c, nil
}

// Over serves TLS 1.2 and newer over l, with suites that authenticate what they
// encrypt (RFC 9325 §4.2).
func (c *Certificate) Over(l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: c.get,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	})
}

// get returns the certificate, read again if the files have changed. While they
// cannot be read, or do not belong together yet, the old one stays.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		if stamps := c.stamps(); stamps != c.read {
			if err := c.load(); err != nil {
				c.log.Error("cannot load the new TLS certificate; the old one stays in use", "error", err)
			} else {
				c.log.Info("TLS certificate reloaded", "file", c.certFile)
			}
		}
	}
	return c.pair, nil
}

// load reads the files. The caller must hold the lock, unless c is not shared yet.
func (c *Certificate) load() error {
	c.read = c.stamps() // before they are read: what changes meanwhile is read again
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair = &pair
	return nil
}

func (c *Certificate) stamps() (s [2]stamp) {
	for i, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}
