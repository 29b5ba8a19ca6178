package app

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers/presets"
)

func TestMain(m *testing.M) {
	clearSettings()
	goleak.VerifyTestMain(m)
}

// clearSettings makes the tests mean the same on every machine, also where there
// is an Ollama or a key.
func clearSettings() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "SPILLWAY_") && !strings.HasPrefix(name, "SPILLWAY_TEST_") {
			os.Unsetenv(name)
		}
	}
	for _, p := range presets.All() {
		os.Unsetenv(p.KeyEnv)
	}
	os.Setenv("SPILLWAY_OLLAMA_URL", "http://127.0.0.1:1") // nothing listens there
	os.Setenv("SPILLWAY_HOST_CPU_LIMIT", "0")              // a machine that tests is busy
	os.Setenv("SPILLWAY_HOST_MEMORY_LIMIT", "0")
}

// opportunity is an input of A02.
const opportunity = `{"product":"PCR-ABS","authority":"high","budget_allocated":"yes"}`

// receive returns a value that must come within half a minute.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
