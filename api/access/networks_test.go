package access

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientAddress(t *testing.T) {
	proxies, err := ParseNetworks("10.0.0.0/8, 192.0.2.7 fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"a client", "203.0.113.1:9", nil, "203.0.113.1"},
		{"a client that claims to be another", "203.0.113.1:9", []string{"10.0.0.1"}, "203.0.113.1"},
		{"a proxy's client", "10.0.0.1:9", []string{"203.0.113.1"}, "203.0.113.1"},
		{"a proxy's client that claims to be another", "10.0.0.1:9", []string{"198.51.100.1, 203.0.113.1"}, "203.0.113.1"},
		{"on lines of its own", "10.0.0.1:9", []string{"198.51.100.1", "203.0.113.1"}, "203.0.113.1"},
		{"behind two proxies", "10.0.0.1:9", []string{"198.51.100.1, 203.0.113.1, 192.0.2.7"}, "203.0.113.1"},
		{"a proxy for itself", "192.0.2.7:9", nil, "192.0.2.7"},
		{"proxies alone", "10.0.0.1:9", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"a hop that hides", "10.0.0.1:9", []string{"203.0.113.1, unknown"}, ""},
		{"an empty line", "10.0.0.1:9", []string{""}, ""},
		{"with ports", "[fd00::1]:9", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"mapped", "[::ffff:10.0.0.1]:9", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		{"a Unix socket", "@", []string{"10.0.0.1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded, "X-Real-Ip": {"10.0.0.9"}, "Forwarded": {"for=10.0.0.9"}}}
			if c.forwarded == nil {
				delete(r.Header, "X-Forwarded-For")
			}
			var want netip.Addr
			if c.want != "" {
				want = netip.MustParseAddr(c.want)
			}
			if got := ClientAddress(r, proxies); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestLocalNames(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost:8080": true, "LOCALHOST": true, "127.0.0.1:8080": true, "[::1]:8080": true, "[::1]": true, "192.0.2.1": true,
		"evil.example.com:8080": false, "localhost.example.com": false, "127.0.0.1.example.com": false, "": false,
	} {
		guard := New(Config{LocalNames: true})
		if _, err := guard.CheckOrigin(&http.Request{Host: host, RemoteAddr: "127.0.0.1:1"}); (err == nil) != want {
			t.Errorf("%q: got %v", host, err)
		}
	}
}

func TestPagesOfOtherSitesChangeNothingWithoutAuthentication(t *testing.T) {
	for name, c := range map[string]struct {
		method, header, value string
		want                  bool
	}{
		"a program":              {"POST", "X-None", "", true},
		"our own page":           {"POST", "Sec-Fetch-Site", "same-origin", true},
		"another page":           {"POST", "Sec-Fetch-Site", "cross-site", false},
		"of another port":        {"DELETE", "Sec-Fetch-Site", "same-site", false},
		"another page, long ago": {"POST", "Origin", "https://evil.example", false},
		"another page that asks": {"GET", "Sec-Fetch-Site", "cross-site", true}, // and does not get to see the answer
	} {
		guard := New(Config{LocalNames: true})
		r := &http.Request{Method: c.method, Host: "127.0.0.1:8080", RemoteAddr: "127.0.0.1:1", Header: http.Header{c.header: {c.value}}}
		if _, err := guard.CheckOrigin(r); (err == nil) != c.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestParseRate(t *testing.T) {
	for _, text := range []string{"600/min", "20/s", "600/min:100", "5/h:1", "none"} {
		r, err := ParseRate(text)
		if err != nil || r.String() != text {
			t.Errorf("%s: got %s, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "600", "600/day", "0/s", "-1/s", "1000001/s", "5/s:6", "5/s:0", "5/s:", "x/s"} {
		if r, err := ParseRate(text); err == nil {
			t.Errorf("%q: got %s", text, r)
		}
	}
}
