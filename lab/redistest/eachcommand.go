package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// EachCommand makes each command of a script fail once. For the first command, the
// second and so on it calls test with an empty embedded Redis, until the script has no
// more. The test prepares what the script needs, calls the script by fail, and checks
// what is left. fail runs call with the command failing, and a second time if that
// returned an error, as a caller does whose call failed; the second time must succeed.
func EachCommand(t *testing.T, test func(t *testing.T, rdb *redis.Client, fail func(call func() error))) {
	t.Helper()
	for n, last := 1, false; !last && !t.Failed(); n++ {
		t.Run(fmt.Sprintf("command %d", n), func(t *testing.T) {
			server := miniredis.RunT(t)
			fault := NewFault(server)
			rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
			t.Cleanup(func() { _ = rdb.Close() })
			test(t, rdb, func(call func() error) {
				t.Helper()
				fault.At(n)
				err := call()
				fired := fault.Fired()
				fault.At(0)
				last = fired == ""
				if last && err != nil {
					t.Fatalf("without a failing command: %v", err)
				}
				if err != nil {
					if err = call(); err != nil {
						t.Fatalf("repeated after %s had failed: %v", fired, err)
					}
				}
				t.Logf("failed: %s", fired)
			})
		})
		if last && n == 1 {
			t.Error("no command was made to fail")
		}
	}
}

// CheckScripts fails the test unless names are those of the Lua scripts in a folder.
// Files whose name begins with lib are parts of others.
func CheckScripts(t *testing.T, folder string, names ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no scripts: %v", folder, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".lua")
		if !strings.HasPrefix(name, "lib") && !slices.Contains(names, name) {
			t.Errorf("no test makes the commands of %s fail", file)
		}
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(folder, name+".lua")); err != nil {
			t.Errorf("script %s is tested and missing: %v", name, err)
		}
	}
}
