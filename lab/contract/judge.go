package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Response is an answer to be judged.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Complaints lists in what the response to a request of that method and path, as
// it stood in the request line without its query, breaks the document.
func (c *Contract) Complaints(method, path string, r Response) []string {
	at, response, complaint := c.response(method, path, r.Status)
	if complaint != "" {
		return []string{complaint}
	}
	complaints := c.headerComplaints(at, response, r.Header)
	content := Map(response, "content")
	if len(content) == 0 || method == http.MethodHead {
		if len(r.Body) > 0 {
			complaints = append(complaints, "has a body")
		}
		return complaints
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || content[media] == nil {
		return append(complaints, fmt.Sprintf("Content-Type %q, want one of %v", media, slices.Sorted(maps.Keys(content))))
	}
	return append(complaints, c.bodyComplaints(at+Pointer("content", media, "schema"), media, r.Body)...)
}

func (c *Contract) bodyComplaints(schema, media string, body []byte) []string {
	switch {
	case media == "text/event-stream":
		var complaints []string
		for line := range strings.SplitSeq(string(body), "\n") {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				complaints = append(complaints, c.Validate("/components/schemas/Event", []byte(data))...)
			}
		}
		return complaints
	case media == "application/json", strings.HasSuffix(media, "+json"):
		return c.Validate(schema, body)
	}
	return nil
}

// response finds the response of that status: where it is, and what it says.
func (c *Contract) response(method, path string, status int) (at string, response map[string]any, complaint string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	template, item := c.Path(path)
	operation := Map(item, strings.ToLower(method))
	if method != strings.ToUpper(method) {
		operation = nil // methods are case-sensitive
	}
	switch {
	case item == nil:
		return c.common("NotFound", status, http.StatusNotFound)
	case operation == nil:
		return c.common("MethodNotAllowed", status, http.StatusMethodNotAllowed)
	}
	response = Map(operation, "responses", strconv.Itoa(status))
	if response == nil {
		return "", nil, "the contract knows no such response"
	}
	at, response = c.Follow(Pointer("paths", template, strings.ToLower(method), "responses", strconv.Itoa(status)), response)
	return at, response, ""
}

// common returns a response that holds for all paths, and must have this status,
// unless no caller is allowed there.
func (c *Contract) common(name string, status, want int) (at string, response map[string]any, complaint string) {
	if status == http.StatusForbidden {
		name, want = "Forbidden", status
	}
	if status != want {
		return "", nil, fmt.Sprintf("the contract knows no such operation, so the status must be %d", want)
	}
	return Pointer("components", "responses", name), Map(c.Document, "components", "responses", name), ""
}

// Path finds the path item that a path belongs to, and its template.
func (c *Contract) Path(path string) (template string, item map[string]any) {
	paths := Map(c.Document, "paths")
	if item, ok := paths[path]; ok {
		return path, asMap(item)
	}
	parts := strings.Split(path, "/")
	for template := range paths {
		if slices.EqualFunc(parts, strings.Split(template, "/"), samePart) {
			return template, asMap(paths[template])
		}
	}
	return "", nil
}

// samePart reports whether a part of a path is what the template wants there.
func samePart(got, want string) bool { return got == want || got != "" && strings.HasPrefix(want, "{") }

// commonHeaders need not be in the contract.
var commonHeaders = []string{"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security"}

func (c *Contract) headerComplaints(at string, response map[string]any, h http.Header) []string {
	var complaints []string
	if h.Get("X-Content-Type-Options") != "nosniff" {
		complaints = append(complaints, "no nosniff")
	}
	known := slices.Clone(commonHeaders)
	for name, v := range Map(response, "headers") {
		known = append(known, http.CanonicalHeaderKey(name))
		place, header := c.Follow(at+Pointer("headers", name), asMap(v))
		value := h.Get(name)
		if value == "" {
			if header["required"] == true {
				complaints = append(complaints, "no header "+name)
			}
			continue
		}
		text, _ := json.Marshal(value) // a string always can be
		if Map(header, "schema")["type"] == "integer" {
			text = []byte(value)
		}
		for _, complaint := range c.Validate(place+"/schema", text) {
			complaints = append(complaints, "header "+name+": "+complaint)
		}
	}
	for name := range h {
		if !slices.Contains(known, name) {
			complaints = append(complaints, "undocumented header "+name)
		}
	}
	return complaints
}
