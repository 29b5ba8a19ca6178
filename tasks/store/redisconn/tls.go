package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// tlsFiles are files in PEM: the authorities that sign the servers' certificates,
// and a certificate of our own with its key, where the servers ask for one.
type tlsFiles struct{ ca, cert, key string }

// readTLSFiles takes the files from the options of a URL.
func readTLSFiles(query url.Values) tlsFiles {
	f := tlsFiles{query.Get("tls_ca"), query.Get("tls_cert"), query.Get("tls_key")}
	for _, name := range []string{"tls_ca", "tls_cert", "tls_key"} {
		query.Del(name)
	}
	return f
}

// apply sets up a connection by the files. The certificate is read again for each
// connection, so that it can be renewed; that it can be read is checked now.
func (f tlsFiles) apply(c *tls.Config) error {
	if f.ca != "" {
		text, err := os.ReadFile(f.ca)
		if err != nil {
			return fmt.Errorf("tls_ca: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("tls_ca: %s holds no certificate in PEM", f.ca)
		}
	}
	if f.cert == "" && f.key == "" {
		return nil
	}
	if f.cert == "" || f.key == "" {
		return errors.New("tls_cert and tls_key need each other")
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("tls_cert and tls_key: %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return nil
}
