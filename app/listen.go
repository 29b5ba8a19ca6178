package app

import (
	"errors"
	"fmt"
	"net"

	"github.com/topcentral/spillway/app/httpserver"
)

// listenAPI opens the listener of the API.
func (s *App) listenAPI() (net.Listener, error) {
	return s.listenSafely(s.cfg.APIListen, "SPILLWAY_API_LISTEN")
}

// listenSafely opens a listener, with TLS if the settings have a certificate.
func (s *App) listenSafely(address, setting string) (net.Listener, error) {
	cert, err := httpserver.OpenCertificate(s.cfg.TLSCert, s.cfg.TLSKey, s.log)
	if err != nil {
		return nil, err
	}
	l, err := s.listen(address, setting)
	if err != nil || cert == nil {
		return l, err
	}
	return cert.Over(l), nil
}

// listen opens a TCP listener that is closed with the system, if its server has
// not done so. The error names the setting to change.
func (s *App) listen(addr, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w; is another server running there? Set %s to use another address", err, setting)
	}
	s.cleanup.add("listener on "+addr, func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}
