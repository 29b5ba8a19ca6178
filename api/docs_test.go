package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A newcomer's browser can load all that the page names, from here and from
// nowhere else, under the page's own policy.
func TestDocsNeedNobodyElse(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	w := do(t, h, "GET", "/docs", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("/docs: %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self';") {
		t.Errorf("policy %q lets too much in", policy)
	}
	html := w.Body.String()
	if strings.Contains(html, "//") || strings.Contains(html, "<script>") || strings.Contains(html, " on") {
		t.Errorf("the page reaches elsewhere, or has a script in itself:\n%s", html)
	}
	names := regexp.MustCompile(`(?:src|href)="(docs/[^"]+)"`).FindAllStringSubmatch(html, -1)
	if len(names) < 4 {
		t.Fatalf("the page names %d files", len(names))
	}
	types := map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "png": "image/png"}
	for _, name := range names {
		w := do(t, h, "GET", "/"+name[1], "")
		if ext := name[1][strings.LastIndex(name[1], ".")+1:]; w.Code != http.StatusOK || w.Header().Get("Content-Type") != types[ext] || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s, %d bytes", name[1], w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
		if again := do(t, h, "GET", "/"+name[1], "", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d", name[1], again.Code)
		}
	}
	for _, none := range []string{"/docs/index.html", "/docs/nothing", "/docs/..%2Fdocs.go"} {
		if w := do(t, h, "GET", none, ""); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", none, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

// A browser that is given only the address finds the documentation, also behind
// a prefix.
func TestRootLeadsToTheDocs(t *testing.T) {
	h := newAPI(t, Config{}, newMemory().deps())
	for _, method := range []string{"GET", "HEAD"} {
		if w := do(t, h, method, "/", ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "docs" {
			t.Errorf("%s /: %d, Location %q", method, w.Code, w.Header().Get("Location"))
		}
	}
}
