package outbound

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"

	"github.com/topcentral/spillway/providers"
)

// decompressed returns a reader of the response's body that undoes a compression
// that was not requested. Bodies that net/http has decompressed are plain already.
func decompressed(resp *http.Response) (io.Reader, error) {
	encoding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding")))
	switch encoding {
	case "", "identity":
		return resp.Body, nil
	case "gzip", "x-gzip":
		return &lazyReader{from: resp.Body, open: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }}, nil
	case "deflate":
		return &lazyReader{from: resp.Body, open: inflate}, nil
	}
	return nil, providers.Errorf(providers.ClassServer, "the response is compressed with %s, which the request did not accept", Clean(encoding))
}

// inflate reads deflate in either of the forms that servers send: with the header
// of zlib, as the standard has it, or without.
func inflate(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	begin, err := in.Peek(2)
	if err != nil {
		return nil, err
	}
	if begin[0]&0x0f == 8 && (int(begin[0])<<8|int(begin[1]))%31 == 0 {
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}

// lazyReader opens a decompressor at the first Read, since opening waits for bytes.
type lazyReader struct {
	from io.Reader
	open func(io.Reader) (io.Reader, error)
	r    io.Reader
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.open(l.from)
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	return l.r.Read(p)
}
