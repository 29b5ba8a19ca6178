package modelclient

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/topcentral/spillway/providers/presets"
)

func TestTheLocalLaneUsesNoProxy(t *testing.T) {
	for _, c := range []struct {
		name         string
		localProxy   bool
		local, cloud bool // whether a proxy of the environment is heeded
	}{
		{"by default", false, false, true},
		{"if set", true, true, true},
	} {
		clients := New(c.localProxy)
		for lane, want := range map[presets.Lane]bool{presets.Local: c.local, presets.Cloud: c.cloud} {
			transport, ok := clients.Of(lane).Transport.(*http.Transport)
			if !ok {
				t.Fatal("no transport of net/http")
			}
			// net/http reads the environment once, so a test cannot change it.
			heeded := reflect.ValueOf(transport.Proxy).Pointer() == reflect.ValueOf(http.ProxyFromEnvironment).Pointer()
			if heeded != want {
				t.Errorf("%s: lane %s heeds the environment: %t, want %t", c.name, lane, heeded, want)
			}
		}
	}
}

func TestPromptsAreNotSentOnToAnotherHost(t *testing.T) {
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			return
		}
		target := elsewhere.URL
		if r.URL.Path == "/here" {
			target = "/there"
		}
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
	}))
	defer here.Close()
	for path, want := range map[string]int{"/elsewhere": http.StatusTemporaryRedirect, "/here": http.StatusOK} {
		for _, client := range []*http.Client{New(false).Local, New(false).Cloud} {
			resp, err := client.Post(here.URL+path, "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the other host was called %d times", n)
	}
}
