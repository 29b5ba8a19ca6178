package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/keys.md and the code name the same Redis keys.
func TestEveryRedisKeyIsListed(t *testing.T) {
	page, err := os.ReadFile("docs/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\w+ \\| ([\\w/]+) \\|").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 40 {
		t.Fatalf("docs/keys.md lists %d keys", len(rows))
	}
	var listed []string
	placeholder := regexp.MustCompile("<[^>]*>")
	literals := map[string]string{} // package → its string literals
	for _, row := range rows {
		key, owner := row[1], row[2]
		listed = append(listed, placeholder.ReplaceAllString(key, ""), strings.SplitN(key, "<", 2)[0])
		if owner == "asynq" {
			continue // asynq's own business
		}
		if literals[owner] == "" {
			for file, texts := range stringsOf(t, owner) {
				literals[owner] += file + strings.Join(texts, "\n")
			}
		}
		for word := range strings.FieldsFuncSeq(placeholder.ReplaceAllString(key, ":"), func(r rune) bool { return strings.ContainsRune(":{}", r) }) {
			if !strings.Contains(literals[owner], word) {
				t.Errorf("docs/keys.md lists %s, and no text of %s has %q", key, owner, word)
			}
		}
	}
	for _, root := range []string{"api", "cli", "providers", "tasks", "worker"} {
		err := filepath.WalkDir(root, func(folder string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			for file, texts := range stringsOf(t, folder) {
				checkListed(t, file, texts, listed)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// checkListed fails the test for each text of a file that begins or continues a key
// that is not listed.
func checkListed(t *testing.T, file string, texts, listed []string) {
	t.Helper()
	constructors := strings.HasSuffix(file, "keys.go")
	for _, text := range texts {
		begins := strings.HasPrefix(text, "spillway:") && !strings.Contains(text, " ") && text != "spillway:" && !strings.Contains(text, "probe")
		found := !begins && (!constructors || !strings.HasPrefix(text, ":") || text == ":")
		for _, key := range listed {
			found = found || begins && strings.HasPrefix(key, text) || !begins && strings.Contains(key, text)
		}
		if !found {
			t.Errorf("%s: docs/keys.md lists no key with %q", file, text)
		}
	}
}

// stringsOf returns the string literals in each file of a folder that is not a test.
func stringsOf(t *testing.T, folder string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					all[file] = append(all[file], text)
				}
			}
			return true
		})
	}
	return all
}
