package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/topcentral/spillway/app/config"
)

// Only an Ollama that cannot be reached is to be started; one that answers with an
// error runs.
func TestAdviceAboutOllamaFollowsWhatWasSeen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int // 0: nobody listens
		says   string
	}{
		{"nobody listens", 0, "start it"},
		{"it fails", http.StatusInternalServerError, "look at its log"},
		{"it wants a key", http.StatusUnauthorized, "wants a key"},
		{"it is something else", http.StatusNotFound, "is Ollama"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
			}))
			defer server.Close()
			if tt.status == 0 {
				server.Close()
			}
			findings := examineOllama(t.Context(), config.Config{OllamaURL: server.URL}, nil)
			if len(findings) != 1 || findings[0].Level != Warning || !strings.Contains(findings[0].Do, tt.says) {
				t.Fatalf("got %+v, want the advice %q", findings, tt.says)
			}
			if tt.status != 0 && strings.Contains(findings[0].Do, "start it") {
				t.Errorf("it runs, and is to be started: %+v", findings[0])
			}
		})
	}
}
