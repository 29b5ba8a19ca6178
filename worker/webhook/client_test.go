package webhook

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A URL that came past CheckURL still meets the guard when it is dialed.
func TestClientDialsNoForbiddenAddress(t *testing.T) {
	hit := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a forbidden receiver was reached") })
	port := hit[strings.LastIndexByte(hit, ':'):]
	client := NewClient(Policy{AllowHTTP: true, AnyPort: true}, Timeouts{})
	for _, host := range []string{
		"127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "192.0.0.192", "198.18.0.1", "168.63.129.16",
		"224.0.0.1", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]",
		"[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[2001:db8::1]",
	} {
		t.Run(host, func(t *testing.T) {
			resp, err := client.Post("http://"+host+port, "application/json", nil)
			if err == nil {
				_ = resp.Body.Close()
				t.Fatal("connected")
			}
			if got := failed(t.Context(), err, false).Class; got != Unreachable {
				t.Errorf("class: got %s, want %s (%v)", got, Unreachable, err)
			}
		})
	}
}

func TestClientDialsNoForbiddenPort(t *testing.T) {
	hit := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a forbidden port was reached") })
	policy := Development()
	policy.AnyPort = false
	resp, err := NewClient(policy, Timeouts{}).Get(hit)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("connected")
	}
	if got := failed(t.Context(), err, false).Class; got != Unreachable {
		t.Errorf("class: got %s, want %s", got, Unreachable)
	}
}

// A trusted network is reached by plain http and on every port, and nothing
// else is.
func TestClientDialsTrustedNetworks(t *testing.T) {
	hit := receiver(t, func(http.ResponseWriter, *http.Request) {})
	port := hit[strings.LastIndexByte(hit, ':'):]
	client := NewClient(Policy{Trust: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, Timeouts{})
	for host, reached := range map[string]bool{"127.0.0.1": true, "localhost": true, "127.0.0.2": false, "10.0.0.1": false, "1.1.1.1": false} {
		t.Run(host, func(t *testing.T) {
			resp, err := client.Post("http://"+host+port, "application/json", nil)
			if err == nil {
				_ = resp.Body.Close()
			}
			if got := err == nil; got != reached {
				t.Errorf("reached: got %v, want %v (%v)", got, reached, err)
			}
		})
	}
}

// The proxy variables of the environment must not lead around the guard.
func TestClientUsesNoProxy(t *testing.T) {
	if p := newTransport(Policy{}, Timeouts{}).Proxy; p != nil {
		t.Error("the client asks for a proxy")
	}
}

// A name that is allowed at first and points elsewhere later is judged anew.
func TestClientWithstandsRebinding(t *testing.T) {
	var inside atomic.Int32
	allowed := receiver(t, func(http.ResponseWriter, *http.Request) {})
	u, err := url.Parse(allowed)
	if err != nil {
		t.Fatal(err)
	}
	secretService := listenOn(t, net.JoinHostPort("127.0.0.2", u.Port()), func(http.ResponseWriter, *http.Request) { inside.Add(1) })
	defer secretService.Close()

	policy := Policy{AllowHTTP: true, AnyPort: true, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	var answer atomic.Value
	dialer := newDialer(policy, Timeouts{})
	dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answerDNS(theirs, func() [4]byte { return answer.Load().([4]byte) })
		return ours, nil
	}}
	c := newSender(t, func(cfg *Config) { cfg.Policy = policy })
	template(c).DialContext = dialer.DialContext
	d := Delivery{ID: "evt_1_1", Secrets: signs, URL: "http://rebind.example.test:" + u.Port() + "/", Body: []byte("{}")}

	answer.Store([4]byte{127, 0, 0, 1})
	if o := c.Deliver(t.Context(), d); o.Class != Delivered {
		t.Errorf("first answer: got %s, want %s (%v)", o.Class, Delivered, o.cause)
	}
	// A connection that is kept leads where it was allowed to lead.
	answer.Store([4]byte{127, 0, 0, 2})
	if o := c.Deliver(t.Context(), d); o.Class != Delivered || inside.Load() != 0 {
		t.Errorf("over the connection: got %s, want %s (%v)", o.Class, Delivered, o.cause)
	}
	c.client.CloseIdleConnections()
	for _, ip := range [][4]byte{{127, 0, 0, 2}, {169, 254, 169, 254}, {10, 0, 0, 1}} {
		answer.Store(ip)
		if o := c.Deliver(t.Context(), d); o.Class != Unreachable {
			t.Errorf("rebound to %v: got %s, want %s (%v)", ip, o.Class, Unreachable, o.cause)
		}
	}
	if inside.Load() != 0 {
		t.Error("the service inside was reached")
	}
}

// However busy, a connection does not outlive its minute, after which its name is
// looked up and judged anew.
func TestClientRenewsItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialed, open atomic.Int32
		var servers sync.WaitGroup
		c := newSender(t)
		template(c).DialContext = func(context.Context, string, string) (net.Conn, error) {
			dialed.Add(1)
			open.Add(1)
			ours, theirs := net.Pipe()
			servers.Go(func() {
				defer open.Add(-1)
				r := bufio.NewReader(theirs)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					_, _ = io.WriteString(theirs, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			})
			return ours, nil
		}
		for range 180 { // a second each
			if o := c.Deliver(t.Context(), Delivery{ID: "evt_1_1", Secrets: signs, URL: "http://hooks.example.com/", Body: []byte("{}")}); o.Class != Delivered {
				t.Fatalf("got %s (%v)", o.Class, o.cause)
			}
			time.Sleep(time.Second)
		}
		if dialed.Load() != 3 || open.Load() != 1 {
			t.Errorf("in three minutes %d connections were made, %d are open", dialed.Load(), open.Load())
		}
		servers.Wait() // idle connections end by themselves
	})
}

// listenOn serves h on an address of its own.
func listenOn(t *testing.T, address string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("no second loopback address here: %v", err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	srv.Start()
	return srv
}

// answerDNS answers every query for an A record with ip, and every other with
// nothing, in the framing of DNS over TCP.
func answerDNS(conn net.Conn, ip func() [4]byte) {
	defer func() { _ = conn.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, packet); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet) != nil || len(m.Questions) != 1 {
			return
		}
		m.Response, m.Authoritative, m.RecursionAvailable = true, true, true
		m.Additionals = nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: ip()},
			}}
		}
		reply, err := m.AppendPack(make([]byte, 2, 512))
		if err != nil {
			return
		}
		binary.BigEndian.PutUint16(reply, uint16(len(reply)-2))
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}
