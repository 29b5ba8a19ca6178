package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/topcentral/spillway/lab/contract"
)

// A newcomer has the contract alone. What it shows to be copied must work.

// TestRequestsOfTheContract sends every example of a request's body to a server.
func TestRequestsOfTheContract(t *testing.T) {
	t.Setenv("SPILLWAY_AUTH", "required")
	s := dev(t)
	doc := s.contract(t)
	endpoint := s.post(t, http.MethodPost, "/webhooks/endpoints", `{"url":"`+nobody+`"}`)["id"]
	sent := 0
	for _, op := range doc.Operations {
		for media, of := range contract.Map(doc.Document, "paths", op.Path, strings.ToLower(op.Method), "requestBody", "content") {
			for name, example := range bodiesOf(of) {
				body, ok := example.(string)
				if !ok {
					raw, err := json.Marshal(example)
					if err != nil {
						t.Fatal(err)
					}
					body = string(raw)
				}
				status, answer := s.send(t, op.Method, strings.Replace(op.Path, "{endpoint}", endpoint, 1), media, body)
				if status >= 300 || strings.Contains(answer, `"refused":1`) || strings.Contains(answer, `"refused":2`) {
					t.Errorf("%s %s %s: got %d %s", op.ID, media, name, status, answer)
				}
				sent++
			}
		}
	}
	if sent < 7 {
		t.Errorf("only %d examples found", sent)
	}
}

// bodiesOf returns the examples of a media type by their names.
func bodiesOf(media any) map[string]any {
	all := map[string]any{}
	if example, ok := contract.Map(media)["example"]; ok {
		all["example"] = example
	}
	for name, example := range contract.Map(media, "examples") {
		all[name] = contract.Map(example)["value"]
	}
	return all
}

// contract reads the contract as it is served.
func (s *served) contract(t *testing.T) *contract.Contract {
	t.Helper()
	_, text := s.send(t, http.MethodGet, "/openapi.yaml", "", "")
	doc, err := contract.Read([]byte(text), "Agent")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// send sends a request and returns what is answered.
func (s *served) send(t *testing.T, method, path, media, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// code returns the block of code in a language from a text in Markdown.
func code(t *testing.T, text any, language string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(fmt.Sprint(text))
	if m == nil {
		t.Fatalf("there is no code in %s in %v", language, text)
	}
	return m[1]
}

// runs runs a program and returns what it prints.
func runs(t *testing.T, env []string, command ...string) string {
	t.Helper()
	needsTool(t, command[0])
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Env = append(append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

func TestFirstStepsOfTheContract(t *testing.T) {
	for _, auth := range []string{"off", "required"} {
		t.Run(auth, func(t *testing.T) {
			t.Setenv("SPILLWAY_AUTH", auth)
			s := dev(t)
			steps := code(t, contract.Map(s.contract(t).Document, "info")["description"], "sh")
			steps = strings.Replace(steps, "http://127.0.0.1:8080", s.api, 1)
			needsTool(t, "curl")
			out := runs(t, []string{"SPILLWAY_API_KEY=" + s.key}, "bash", "-euc", steps)
			want := `(?s)"agents":\[.*"input_schema".*"state":"succeeded".*"state":"succeeded"`
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("want it to print %s, got %s", want, out)
			}
		})
	}
}

// TestEventsCodeOfTheContract has its code follow a job over a road on which the
// stream breaks off.
func TestEventsCodeOfTheContract(t *testing.T) {
	t.Setenv("SPILLWAY_AUTH", "required")
	s := dev(t)
	t.Setenv("SPILLWAY_API_KEY", s.key)
	id := submitted(t)
	road := newRoughRoad(t, s.api, make(chan struct{}))
	script := code(t, contract.Map(s.contract(t).Document, "paths", "/jobs/{id}/events", "get")["description"], "python") +
		"\nimport sys\nfor event in events(*sys.argv[1:]):\n    print(event['sequence_number'], event['type'])\n"
	out := runs(t, nil, "python3", "-c", script, road.url, s.key, id)
	if !regexp.MustCompile(`^1 job.queued\n2 job.running\n(3 job.progress\n)?\d job.succeeded\n$`).MatchString(out) {
		t.Errorf("got %s", out)
	}
	if road.first("broke off") {
		t.Error("the stream did not break off")
	}
}

// message is a webhook as its receiver sees it, and whether it is ours.
type message struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Ours    bool              `json:"ours"`
}

// messages are webhooks that must be trusted, and such as must not.
func messages(t *testing.T) []message {
	t.Helper()
	const secret, other, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_plJ3nmyCDGBKInavdOK15jsl", `{"type":"job.succeeded","text":"赢单"}`
	sign := func(secret string, at time.Time) string {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := w.Sign("evt_1_5", at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	now := time.Now()
	right, wrong := sign(secret, now), sign(other, now)
	headers := func(at time.Time, signature string) map[string]string {
		return map[string]string{"webhook-id": "evt_1_5", "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": signature}
	}
	without := headers(now, right)
	delete(without, "webhook-timestamp")
	early, late := now.Add(-time.Hour), now.Add(time.Hour)
	return []message{
		{secret, headers(now, right), body, true},
		{secret, headers(now, wrong+" "+right), body, true},
		{other, headers(now, right+" "+wrong), body, true},
		{secret, headers(now, "v1a,c29tZXRoaW5n "+right), body, true},
		{secret, headers(now, wrong), body, false},
		{secret, headers(now, right), body + " ", false},
		{secret, headers(early, sign(secret, early)), body, false},
		{secret, headers(late, sign(secret, late)), body, false},
		{secret, headers(now.Add(time.Second), right), body, false},
		{secret, headers(now, strings.TrimPrefix(right, "v1,")), body, false},
		{secret, headers(now, ""), body, false},
		{secret, without, body, false},
		{secret, map[string]string{"webhook-id": "evt_1_5", "webhook-timestamp": "soon", "webhook-signature": right}, body, false},
	}
}

// TestVerifyingCodeOfTheContract has its code tell right webhooks from wrong ones.
func TestVerifyingCodeOfTheContract(t *testing.T) {
	source, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := contract.Read(source, "Agent")
	if err != nil {
		t.Fatal(err)
	}
	description := contract.Map(doc.Document, "webhooks", "jobEnded", "post")["description"]
	all := messages(t)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var want []bool
	for _, m := range all {
		want = append(want, m.Ours)
	}
	for language, command := range map[string][]string{
		"python": {"python3", "-c", code(t, description, "python") + "\nimport json, os\n" +
			"print(json.dumps([verify(m['secret'], m['headers'], m['body'].encode()) for m in json.loads(os.environ['MESSAGES'])]))"},
		"js": {"node", "--input-type=module", "-e", code(t, description, "js") +
			"\nconsole.log(JSON.stringify(JSON.parse(process.env.MESSAGES).map((m) => verify(m.secret, m.headers, Buffer.from(m.body)))));"},
	} {
		t.Run(language, func(t *testing.T) {
			out := runs(t, []string{"MESSAGES=" + string(text)}, command...)
			var got []bool
			if err := json.Unmarshal([]byte(out), &got); err != nil || !slices.Equal(got, want) {
				t.Errorf("got %s, want %v", out, want)
			}
		})
	}
}
