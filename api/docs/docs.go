// Package docs holds the pages that show the contract of the API to people:
// Swagger UI, embedded, so that nothing is fetched from elsewhere and the strict
// policy below can hold.
package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"path"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

// Policy is the Content-Security-Policy that the pages work under: all comes
// from this server, and the page can be framed by nobody. Swagger UI draws its
// icons from data URLs and sets styles on elements it makes.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var (
	//go:embed index.html
	index []byte
	//go:embed start.js
	start []byte
)

// Index is the name of the page itself among the files.
const Index = "index.html"

// File is one file of the pages.
type File struct {
	Type string // of its content, for Content-Type
	ETag string
	Body []byte // not to be changed
}

// Files returns all files by name. The map is shared: it must not be changed.
func Files() (map[string]File, error) { return files() }

// files unpacks once, since it takes some milliseconds.
var files = sync.OnceValues(read)

func read() (map[string]File, error) {
	files := map[string]File{Index: file(Index, index), "start.js": file("start.js", start)}
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
		body, err := unpack(name + ".gz")
		if err != nil {
			return nil, fmt.Errorf("embedded %s: %w", name, err)
		}
		files[name] = file(name, body)
	}
	icon, err := static.FS.ReadFile("favicon-32x32.png")
	if err != nil {
		return nil, fmt.Errorf("embedded icon: %w", err)
	}
	files["favicon.png"] = file("favicon.png", icon)
	return files, nil
}

func file(name string, body []byte) File {
	digest := sha256.Sum256(body)
	return File{
		Type: mime.TypeByExtension(path.Ext(name)),
		ETag: `"` + base64.RawURLEncoding.EncodeToString(digest[:12]) + `"`,
		Body: body,
	}
}

func unpack(name string) ([]byte, error) {
	packed, err := static.FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
