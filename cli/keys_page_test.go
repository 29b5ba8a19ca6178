package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// checkKeys fails the test for each key in Redis that docs/keys.md does not list, or
// lists as of another type.
func checkKeys(t *testing.T, rdb *redis.Client) {
	t.Helper()
	page, err := os.ReadFile("../docs/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[*regexp.Regexp]string{}
	placeholder := regexp.MustCompile("<[^>]*>")
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(page), -1) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(row[1]), "<server>", "[^{}]+") // its name has colons
		pattern = placeholder.ReplaceAllString(pattern, "[^:{}]+")
		types[regexp.MustCompile("^"+pattern+"$")] = row[2]
	}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 20 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, key := range keys {
		is := rdb.Type(t.Context(), key).Val()
		listed := "none"
		for pattern, as := range types {
			if pattern.MatchString(key) {
				listed = as
			}
		}
		if is != "none" && listed != is && listed != "any" { // none: it has expired meanwhile
			t.Errorf("%s is a %s, and docs/keys.md lists it as %s", key, is, listed)
		}
	}
}
