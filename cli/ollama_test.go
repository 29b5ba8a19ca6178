package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// fakeOllama starts an Ollama that has one model, and returns its URL.
func fakeOllama(t *testing.T, model string, chat http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/tags", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"models":[{"name":%q,"details":{"family":"qwen3","parameter_size":"4.0B"}}]}`, model)
	})
	mux.HandleFunc("POST /api/chat", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), fmt.Sprintf(`"model":%q`, model)) {
			t.Errorf("Ollama was asked %s, %v", body, err)
		}
		chat(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// says streams an answer as Ollama does.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for piece := range slices.Chunk([]rune(text), 50) {
			content, _ := json.Marshal(string(piece))
			fmt.Fprintf(w, `{"message":{"role":"assistant","content":%s},"done":false}`+"\n", content)
		}
		fmt.Fprintln(w, `{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":900,"eval_count":120}`)
	}
}

// hangs is a model that never says anything. asked tells that it was asked.
func hangs() (chat http.HandlerFunc, asked chan bool) {
	asked = make(chan bool, 1)
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- true:
		default:
		}
		<-r.Context().Done()
	}, asked
}

// analysisOf returns an answer that a model could give to the opportunity.
func analysisOf(t *testing.T, agent, input string) string {
	t.Helper()
	all, err := agents.Open("", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := all.Lookup(agent)
	answer, err := a.Score(json.RawMessage(input), tasks.English)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// Where Ollama has other models than the agents name, one of them answers, and
// the job says which.
func TestDevUsesTheModelsThatOllamaHas(t *testing.T) {
	const model = "qwen3:4b-instruct"
	t.Setenv("SPILLWAY_OLLAMA_URL", fakeOllama(t, model, says(analysisOf(t, "A02", opportunity))))
	dev(t)
	j := decode(t, must(t, opportunity, "submit", "A02", "--wait"))
	if j.State != tasks.Succeeded || j.Degraded || len(j.Attempts) != 1 || j.Attempts[0].Candidate != "ollama/"+model {
		t.Errorf("got %+v, want the answer of %s", j, model)
	}
	if out := must(t, "", "watch", j.ID); !strings.Contains(out, `"score"`) || !strings.Contains(out, "job.succeeded") {
		t.Errorf("the answer is not shown as it is written:\n%s", out)
	}
}
