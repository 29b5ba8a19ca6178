package webhook

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	strict, dev := Policy{}, Development()
	intranet := Policy{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}, Ports: []uint16{8443}}
	trust := Policy{Trust: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	tests := []struct {
		name   string
		policy Policy
		url    string
		ok     bool
	}{
		{"plain", strict, "https://hooks.example.com/spillway?token=x", true},
		{"default port", strict, "https://hooks.example.com:443/", true},
		{"root dot", strict, "https://hooks.example.com./", true},
		{"upper case", strict, "HTTPS://Hooks.Example.COM/", true},
		{"punycode", strict, "https://xn--fiqs8s.example/", true},
		{"public address", strict, "https://1.1.1.1/", true},
		{"public address v6", strict, "https://[2606:4700:4700::1111]/", true},
		{"escaped path", strict, "https://hooks.example.com/%E5%95%86%E6%9C%BA", true},

		{"http", strict, "http://hooks.example.com/", false},
		{"other scheme", strict, "gopher://hooks.example.com/", false},
		{"file", strict, "file:///etc/passwd", false},
		{"no scheme", strict, "//hooks.example.com/", false},
		{"opaque", strict, "https:hooks.example.com", false},
		{"no host", strict, "https:///path", false},
		{"port only", strict, "https://:443/", false},
		{"empty", strict, "", false},
		{"not a URL", strict, "%", false},

		{"user", strict, "https://user@hooks.example.com/", false},
		{"password", strict, "https://user:pass@hooks.example.com/", false},
		{"host as user", strict, "https://hooks.example.com@127.0.0.1/", false},
		{"fragment", strict, "https://hooks.example.com/#x", false},
		{"empty fragment", strict, "https://hooks.example.com/#", false},
		{"backslash", strict, `https://hooks.example.com\@127.0.0.1/`, false},
		{"space", strict, " https://hooks.example.com/", false},
		{"line break", strict, "https://hooks.example.com/\r\nHost: x", false},
		{"NUL", strict, "https://hooks.example.com/\x00", false},
		{"international name", strict, "https://商机.example/", false},
		{"full-width digits", strict, "https://１２７.0.0.1/", false},
		{"circled digits", strict, "https://①②⑦.⓪.⓪.①/", false},
		{"escaped host", strict, "https://%31%32%37.0.0.1/", false},
		{"empty label", strict, "https://hooks..example.com/", false},
		{"long label", strict, "https://" + strings.Repeat("a", 64) + ".example.com/", false},
		{"comma in host", strict, "https://a,b.example.com/", false},
		{"longest", strict, "https://hooks.example.com/" + strings.Repeat("a", maxURL-26), true},
		{"too long", strict, "https://hooks.example.com/" + strings.Repeat("a", maxURL-25), false},

		{"port", strict, "https://hooks.example.com:6379/", false},
		{"http port over https", strict, "https://hooks.example.com:80/", false},
		{"port 0", dev, "https://hooks.example.com:0/", false},
		{"port too large", dev, "https://hooks.example.com:65536/", false},
		{"port 443 wrapped", strict, "https://hooks.example.com:65979/", false},
		{"further port", intranet, "https://hooks.example.com:8443/", true},

		{"loopback", strict, "https://127.0.0.1/", false},
		{"loopback elsewhere", strict, "https://127.99.0.1/", false},
		{"loopback v6", strict, "https://[::1]/", false},
		{"mapped", strict, "https://[::ffff:127.0.0.1]/", false},
		{"mapped hex", strict, "https://[::ffff:7f00:1]/", false},
		{"mapped public", strict, "https://[::ffff:1.1.1.1]/", false},
		{"mapped in dev", dev, "https://[::ffff:127.0.0.1]/", false},
		{"compatible", strict, "https://[::127.0.0.1]/", false},
		{"NAT64", strict, "https://[64:ff9b::7f00:1]/", false},
		{"6to4", strict, "https://[2002:7f00:1::]/", false},
		{"hex", strict, "https://0x7f000001/", false},
		{"hex upper case", strict, "https://0X7F000001/", false},
		{"hex dotted", strict, "https://0x7f.0.0.0x1/", false},
		{"bare 0x", strict, "https://0x/", false},
		{"decimal", strict, "https://2130706433/", false},
		{"decimal in dev", dev, "http://2130706433/", false},
		{"octal", strict, "https://0177.0.0.1/", false},
		{"short", strict, "https://127.1/", false},
		{"root dot after address", strict, "https://127.0.0.1./", false},
		{"too many numbers", strict, "https://1.2.3.4.5/", false},
		{"this host", strict, "https://0.0.0.0/", false},
		{"zero", strict, "https://0/", false},
		{"unspecified v6", strict, "https://[::]/", false},
		{"10/8", strict, "https://10.1.2.3/", false},
		{"172.16/12", strict, "https://172.16.0.1/", false},
		{"192.168/16", strict, "https://192.168.1.1/", false},
		{"shared", strict, "https://100.64.0.1/", false},
		{"metadata", strict, "https://169.254.169.254/latest/meta-data/", false},
		{"metadata v6", strict, "https://[fd00:ec2::254]/", false},
		{"Azure wire server", strict, "https://168.63.129.16/", false},
		{"link local v6", strict, "https://[fe80::1%25eth0]/", false},
		{"multicast", strict, "https://224.0.0.1/", false},
		{"broadcast", strict, "https://255.255.255.255/", false},
		{"localhost", strict, "https://localhost/", false},
		{"under localhost", strict, "https://a.localhost/", false},
		{"under localhost with dot", strict, "https://a.localhost./", false},
		{"metadata by name", strict, "https://metadata.google.internal/", false},
		{"single label", strict, "https://redis/", false},

		{"dev: loopback", dev, "http://127.0.0.1:9000/", true},
		{"dev: localhost", dev, "http://localhost:9000/", true},
		{"dev: v6", dev, "http://[::1]:9000/", true},
		{"dev: private", dev, "http://10.1.2.3/", false},
		{"dev: metadata", dev, "http://169.254.169.254/", false},
		{"intranet: inside", intranet, "https://10.1.2.3/", true},
		{"intranet: inside v6", intranet, "https://[fd00::1]/", true},
		{"intranet: beside", intranet, "https://10.2.0.1/", false},
		{"intranet: name", intranet, "https://crm.internal/", true},
		{"trusted: http", trust, "http://10.1.2.3/", true},
		{"trusted: port", trust, "http://10.1.2.3:9000/", true},
		{"trusted: https port", trust, "https://10.1.2.3:9000/", true},
		{"trusted: http on the port of https", trust, "http://10.1.2.3:443/", true},
		{"trusted: name that may be inside", trust, "http://crm.internal:9000/", true},
		{"trusted: name, http on the port of https", trust, "http://hooks.example.com:443/", false},
		{"trusted: private beside", trust, "https://10.2.0.1/", false},
		{"trusted: http beside", trust, "http://1.1.1.1/", false},
		{"trusted: port beside", trust, "https://1.1.1.1:9000/", false},
		{"trusted: public as ever", trust, "https://hooks.example.com/", true},
		{"trusted: mapped", trust, "https://[::ffff:10.1.2.3]/", false},
		{"operator's own", Policy{Deny: []netip.Prefix{netip.MustParsePrefix("1.1.1.0/24")}}, "https://1.1.1.1/", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.CheckURL(tt.url)
			if got := err == nil; got != tt.ok {
				t.Errorf("CheckURL(%q): accepted %v, want %v (%v)", tt.url, got, tt.ok, err)
			}
		})
	}
}

// FuzzCheckURL looks for a URL that the strict policy accepts although it is
// not https to port 443 of a plain name or public address.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"https://hooks.example.com/x", "https://127.1/", "https://[::ffff:127.0.0.1]/", "https://a@b/", "https://a.b:443/#",
		"https://[fe80::1%25en0]/", "https://0x7f.1/", "https://example.com:/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if (Policy{}).CheckURL(raw) != nil {
			return
		}
		r, err := http.NewRequest(http.MethodPost, raw, nil)
		if err != nil {
			t.Fatalf("%q accepted, but no request can be made: %v", raw, err)
		}
		u := r.URL
		if u.Scheme != "https" || u.User != nil || u.Fragment != "" || (u.Port() != "" && u.Port() != "443" && strings.TrimLeft(u.Port(), "0") != "443") {
			t.Errorf("%q accepted", raw)
		}
		checkHostIsPlain(t, u)
	})
}

func checkHostIsPlain(t *testing.T, u *url.URL) {
	t.Helper()
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is4In6() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
			t.Errorf("address %q accepted", host)
		}
		return
	}
	name := strings.TrimSuffix(host, ".")
	last := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	if last == "" || strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && isNumber(last) || !strings.Contains(name, ".") {
		t.Errorf("host %q accepted", host)
	}
}
