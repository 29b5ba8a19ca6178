package coze_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/coze"
	"github.com/topcentral/spillway/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "pat_0123456789abcdefghij"

func config(url string) coze.Config {
	return coze.Config{BaseURL: url, Key: providers.NewSecret(key), Bot: "7300", Poll: time.Millisecond}
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(url string, client *http.Client) providers.Provider {
		return coze.New(config(url), client)
	}, providertest.Coze())
}

// service answers each path with its replies in turn, the last one ever after,
// and remembers what it was asked.
type service struct {
	mu      sync.Mutex
	replies map[string][]string // "500 body" has that status
	asked   []string            // method and path
	bodies  map[string]string
	header  http.Header
	onAsk   func(n int) // told how often it was asked; may be nil
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	s.bodies[r.URL.Path], s.header = string(body), r.Header
	if s.onAsk != nil {
		s.onAsk(len(s.asked))
	}
	left := s.replies[r.URL.Path]
	if len(left) == 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if len(left) > 1 {
		s.replies[r.URL.Path] = left[1:]
	}
	reply := left[0]
	var status int
	if n, _ := fmt.Sscanf(reply, "%d ", &status); n == 1 {
		w.WriteHeader(status)
		_, reply, _ = strings.Cut(reply, " ")
	}
	_, _ = io.WriteString(w, reply)
}

func serve(t *testing.T, replies map[string][]string) (*service, providers.Provider) {
	t.Helper()
	s := &service{replies: replies, bodies: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, coze.New(config(server.URL), server.Client())
}

func generate(ctx context.Context, p providers.Provider, req *providers.Request) (*providers.Response, error) {
	return p.Generate(ctx, req, func(providers.Delta) {})
}

func state(status, more string) string {
	return `{"code":0,"msg":"","data":{"id":"c1","conversation_id":"v1","bot_id":"7300","status":"` + status + `"` + more + `}}`
}

const usage = `,"usage":{"token_count":14,"input_count":10,"output_count":4}`

func TestAChatIsCreatedWatchedAndRead(t *testing.T) {
	s, p := serve(t, map[string][]string{
		"/v3/chat":              {state("created", "")},
		"/v3/chat/retrieve":     {state("in_progress", ""), "502 ", state("completed", usage)},
		"/v3/chat/message/list": {`{"code":0,"data":[{"type":"function_call","content":"{}"},{"type":"answer","content":"<think>Hm</think>{\"a\"","content_type":"text"},{"type":"answer","content":":1}","content_type":"text"},{"type":"follow_up","content":"?"}]}`},
	})
	resp, err := generate(t.Context(), p, providertest.Question())
	if err != nil {
		t.Fatal(err)
	}
	if resp.Text != `{"a":1}` || resp.Reasoning != "Hm" || resp.Usage != (providers.Usage{Input: 10, Output: 4}) || resp.FirstToken != 0 {
		t.Errorf("got %+v", resp)
	}
	want := []string{
		"POST /v3/chat", "GET /v3/chat/retrieve?chat_id=c1&conversation_id=v1", "GET /v3/chat/retrieve?chat_id=c1&conversation_id=v1",
		"GET /v3/chat/retrieve?chat_id=c1&conversation_id=v1", "GET /v3/chat/message/list?chat_id=c1&conversation_id=v1",
	}
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
	if got := s.header.Get("Authorization"); got != "Bearer "+key {
		t.Errorf("authorization %q", got)
	}
}

func TestWhatTheBotIsSent(t *testing.T) {
	s, p := serve(t, map[string][]string{"/v3/chat": {`{"code":4000,"msg":"enough"}`}})
	req := &providers.Request{Messages: []providers.Message{
		{Role: providers.System, Content: "Judge."}, {Role: providers.User, Content: "问"},
		{Role: providers.Assistant, Content: "{"}, {Role: providers.User, Content: "again"},
	}}
	_, _ = generate(t.Context(), p, req)
	var got map[string]any
	if err := json.Unmarshal([]byte(s.bodies["/v3/chat"]), &got); err != nil {
		t.Fatal(err)
	}
	messages, err := json.Marshal(got["additional_messages"])
	if err != nil {
		t.Fatal(err)
	}
	if want := `[{"content":"Judge.\n\n问","content_type":"text","role":"user","type":"question"},` +
		`{"content":"{","content_type":"text","role":"assistant","type":"answer"},` +
		`{"content":"again","content_type":"text","role":"user","type":"question"}]`; string(messages) != want {
		t.Errorf("messages\n got %s\nwant %s", messages, want)
	}
	if got["bot_id"] != "7300" || got["stream"] != false || got["auto_save_history"] != true || got["user_id"] == "" {
		t.Errorf("got %v", got)
	}
}

func TestErrors(t *testing.T) {
	ongoing := []string{state("in_progress", "")}
	for _, c := range []struct {
		name    string
		replies map[string][]string
		want    providers.Class
	}{
		{"rate", map[string][]string{"/v3/chat": {`{"code":4013,"msg":"limit"}`}}, "rate_limited"},
		{"free quota", map[string][]string{"/v3/chat": {`{"code":4028,"msg":"used up"}`}}, "quota_dead"},
		{"token", map[string][]string{"/v3/chat": {`{"code":4100,"msg":"authentication is invalid"}`}}, "auth_dead"},
		{"token, refused by status", map[string][]string{"/v3/chat": {`401 {"code":700012006,"msg":"access token invalid"}`}}, "auth_dead"},
		{"token, as the gateway says it", map[string][]string{"/v3/chat": {`401 {"error_code":"invalid_token","error_message":"bad token"}`}}, "auth_dead"},
		{"permission", map[string][]string{"/v3/chat": {`{"code":4101,"msg":"no permission"}`}}, "auth_dead"},
		{"parameters", map[string][]string{"/v3/chat": {`{"code":4000,"msg":"parameter error"}`}}, "bad_request"},
		{"no such bot", map[string][]string{"/v3/chat": {`{"code":4200,"msg":"not found"}`}}, "bad_request"},
		{"internal", map[string][]string{"/v3/chat": {`{"code":5000,"msg":"internal"}`}}, "server"},
		{"an unknown code of the caller's", map[string][]string{"/v3/chat": {`{"code":4999,"msg":"?"}`}}, "bad_request"},
		{"an unknown code", map[string][]string{"/v3/chat": {`{"code":700000001,"msg":"?"}`}}, "server"},
		{"an unknown code about money", map[string][]string{"/v3/chat": {`{"code":9,"msg":"Your balance is too low"}`}}, "quota_dead"},
		{"an unknown code about a time limit", map[string][]string{"/v3/chat": {`{"code":700000002,"msg":"the plug-in timed out"}`}}, "timeout"},
		{"a bot that waits for its review", map[string][]string{"/v3/chat": {`{"code":4998,"msg":"Bot 正在审核中，尚未发布"}`}}, "bad_request"},
		{"a load balancer", map[string][]string{"/v3/chat": {`{"code":700000003,"msg":"the load balancer has no upstream"}`}}, "server"},
		{"no chat", map[string][]string{"/v3/chat": {`{"code":0,"data":{}}`}}, "server"},
		{"no data", map[string][]string{"/v3/chat": {`{"code":0}`}}, "server"},

		{"failed", map[string][]string{"/v3/chat": ongoing, "/v3/chat/retrieve": {state("failed", `,"last_error":{"code":5000,"msg":"event interval error"}`)}}, "server"},
		{"failed for a limit", map[string][]string{"/v3/chat": {state("failed", `,"last_error":{"code":4013,"msg":"limit"}`)}}, "rate_limited"},
		{"failed as sensitive", map[string][]string{"/v3/chat": {state("failed", `,"last_error":{"code":720702057,"msg":"content is sensitive"}`)}}, "content_blocked"},
		{"failed without a word", map[string][]string{"/v3/chat": {state("failed", "")}}, "server"},
		{"wants a tool", map[string][]string{"/v3/chat": {state("requires_action", "")}}, "bad_request"},
		{"canceled there", map[string][]string{"/v3/chat": {state("canceled", "")}}, "server"},
		{"a state of tomorrow", map[string][]string{"/v3/chat": {state("dreaming", "")}}, "server"},

		{"looks that keep failing", map[string][]string{"/v3/chat": ongoing, "/v3/chat/retrieve": {"503 "}}, "overloaded"},
		{"a look that is refused", map[string][]string{"/v3/chat": ongoing, "/v3/chat/retrieve": {`{"code":4100,"msg":"expired"}`}}, "auth_dead"},
		{"a list that is refused", map[string][]string{"/v3/chat": {state("completed", usage)}, "/v3/chat/message/list": {`{"code":4101,"msg":"no"}`}}, "auth_dead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := serve(t, c.replies)
			_, err := generate(t.Context(), p, providertest.Question())
			e, ok := errors.AsType[*providers.Error](err)
			if !ok || e.Class != c.want || e.Message == "" {
				t.Errorf("got %v, want %s", err, c.want)
			}
			lost := c.name == "looks that keep failing" || c.name == "a look that is refused"
			if got := slices.Contains(s.asked, "POST /v3/chat/cancel"); got != lost {
				t.Errorf("canceled over there: %t, want %t", got, lost)
			}
		})
	}
}

func TestAChatNobodyWaitsForIsCanceled(t *testing.T) {
	s, p := serve(t, map[string][]string{"/v3/chat": {state("in_progress", "")}, "/v3/chat/retrieve": {state("in_progress", "")}})
	why := errors.New("the job was canceled")
	ctx, cancel := context.WithCancelCause(t.Context())
	s.onAsk = func(n int) {
		if n == 3 {
			cancel(why)
		}
	}
	_, err := generate(ctx, p, providertest.Question())
	if providers.ClassOf(err) != providers.ClassCanceled || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if last := s.asked[len(s.asked)-1]; last != "POST /v3/chat/cancel" || s.bodies["/v3/chat/cancel"] != `{"chat_id":"c1","conversation_id":"v1"}` {
		t.Errorf("last asked %s with %s", last, s.bodies["/v3/chat/cancel"])
	}
}

func TestErrorsShowNoToken(t *testing.T) {
	_, p := serve(t, map[string][]string{"/v3/chat": {`{"code":4100,"msg":"bad token ` + key + `"}`}})
	_, err := generate(t.Context(), p, providertest.Question())
	if shown := fmt.Sprintf("%v %+v", err, err); strings.Contains(shown, "0123456789") {
		t.Error(shown)
	}
}

func TestValidate(t *testing.T) {
	err := coze.Config{BaseURL: "api.coze.cn", Poll: -1}.Validate()
	for _, want := range []string{"base URL", "model", "poll"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
	if err := (coze.Config{Bot: "1"}).Validate(); err != nil {
		t.Error(err)
	}
	p := coze.New(coze.Config{Bot: "7300"}, http.DefaultClient)
	if models, err := p.Models(t.Context()); err != nil || len(models) != 1 || models[0].Name != "7300" || p.Name() != "coze" {
		t.Errorf("got %v, %v, %s", models, err, p.Name())
	}
}
