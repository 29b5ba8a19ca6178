package worker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// private asks for a masked job of T3 with these members.
func private(input map[string]any) func(*tasks.Submission) {
	return func(s *tasks.Submission) {
		raw, err := json.Marshal(input)
		if err != nil {
			panic(err)
		}
		s.Agent, s.Input, s.Privacy, s.OnExhausted = "T3", raw, tasks.Masked, tasks.GiveUp
	}
}

var (
	customerToken = regexp.MustCompile(`客户_[A-Z]\d+`)
	contactToken  = regexp.MustCompile(`联系人_[A-Z]\d+`)
)

// quotes answers with the tokens that it was asked about, in small pieces.
func quotes(format string) providertest.Behavior {
	return func(_ context.Context, req *providers.Request, onDelta func(providers.Delta)) (*providers.Response, error) {
		prompt := req.Messages[1].Content
		text := fmt.Sprintf(format, customerToken.FindString(prompt), contactToken.FindString(prompt))
		for rest := text; rest != ""; {
			n := min(4, len(rest))
			onDelta(providers.Delta{Text: rest[:n]})
			rest = rest[n:]
		}
		return &providers.Response{Text: text, Usage: providertest.FakeUsage}, nil
	}
}

// sent is all that the cloud was sent.
func (w *world) sent(t *testing.T) string {
	t.Helper()
	raw, err := json.Marshal(w.cloud.Asked())
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var person = map[string]any{
	"customer": "宁波方卓电器有限公司", "contact": "林志明", "client": "current",
	"notes": "林总说方卓要 60 吨，3 月 25 日交货，电话 13812345678。", "account": map[string]any{"balance": 987654, "tier": "a"}, "keys": "hunter2-hunter2",
}

var secrets = []string{"方卓", "林志明", "林总", "13812345678", "987654", "hunter2"}

func TestTheCloudSeesMaskedDataAndTheAnswerIsRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.cloud.Does(quotes(`{"summary":"%s 的 %s 很急 联系人_Z00","level":"high"}`))
	w.start(t, cloudLane)
	j := w.end(t, w.submit(t, private(person)).ID)
	if want := `{"summary":"宁波方卓电器有限公司 的 林志明 很急 联系人_Z00","level":"high"}`; string(j.Result) != want {
		t.Errorf("result: %s, want %s", j.Result, want)
	}
	for _, s := range secrets {
		if strings.Contains(w.sent(t), s) {
			t.Errorf("%q was sent: %s", s, w.sent(t))
		}
	}
	for _, kept := range []string{"60 吨", "3 月 25 日", "current"} {
		if !strings.Contains(w.sent(t), kept) {
			t.Errorf("%q was not sent: %s", kept, w.sent(t))
		}
	}
	a := j.Attempts[0]
	if a.Masked["client"] != 1 || a.Masked["person"] != 1 || a.Masked["phone"] != 1 || !slices.Equal(a.UnknownTokens, []string{"联系人_Z00"}) {
		t.Errorf("evidence: %v, unknown %v", a.Masked, a.UnknownTokens)
	}
	streamed := ""
	w.await(t, j.ID, func(e tasks.Event) bool {
		if e.Type == tasks.EventDelta {
			var d struct{ Text string }
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Error(err)
			}
			streamed += d.Text
		}
		return e.Type.Terminal()
	})
	if streamed != string(j.Result) {
		t.Errorf("streamed %s", streamed)
	}
	if sealed, err := w.store.Mask(t.Context(), j.ID); err != nil || sealed != nil {
		t.Errorf("without a key a map is kept: %d bytes, %v", len(sealed), err)
	}
}

func TestWordOfABadAnswerIsMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.cloud.Does(providertest.Sequence(
		quotes(`{"summary":"%s","level":"%s"}`), // the validator quotes a value that is none of the enumeration's
		quotes(`{"%s":"","summary":"x","level":"low"}`),
	))
	w.start(t, cloudLane)
	j := w.end(t, w.submit(t, private(person)).ID)
	if asked := w.cloud.Asked(); len(asked) != 2 || len(asked[1].Messages) < 3 {
		t.Fatalf("asked %d times: %v", len(asked), outcomes(j))
	}
	for _, s := range secrets {
		if strings.Contains(w.sent(t), s) {
			t.Errorf("%q was sent: %s", s, w.sent(t))
		}
	}
}

func TestOnADoubtNothingIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.start(t, cloudLane)
	// Each half is a word like any other; in the prompt they stand side by side.
	j := w.end(t, w.submit(t, private(map[string]any{"customer": "Redwood Harbor Group", "head": "redwo", "tail": "od harbor"})).ID)
	if got := outcomes(j); !slices.Equal(got, []string{"deepseek/chat not_masked"}) || j.State != tasks.Failed {
		t.Errorf("job: %s, attempts %v", j.State, got)
	}
	if len(w.cloud.Asked()) > 0 {
		t.Errorf("sent: %s", w.sent(t))
	}
	if a := j.Attempts[0]; a.Masked != nil || strings.Contains(strings.ToLower(a.Message), "redwo") {
		t.Errorf("attempt: %+v", a)
	}
}

func TestWhatIsNeverSentIsDroppedAtEveryPrivacy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.cloud.Does(providertest.Answer(`{"summary":"x","level":"low"}`))
	w.start(t, cloudLane)
	j := w.end(t, w.submit(t, private(person), func(s *tasks.Submission) { s.Privacy = tasks.PrivacyAny }).ID)
	if sent := w.sent(t); !strings.Contains(sent, "方卓") || strings.Contains(sent, "987654") || strings.Contains(sent, "hunter2") {
		t.Errorf("sent: %s", sent)
	}
	if j.Attempts[0].Masked != nil {
		t.Errorf("masked: %v", j.Attempts[0].Masked)
	}
}

func TestTheSealedMapIsKeptWithTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.cloud.Does(providertest.Answer(`{"summary":"x","level":"low"}`))
	key, err := privacy.ParseKey(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	if err != nil {
		t.Fatal(err)
	}
	w.maskKey = key
	w.start(t, cloudLane)
	j := w.end(t, w.submit(t, private(person)).ID)
	sealed, err := w.store.Mask(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	values, err := key.Open(sealed, j.ID)
	if err != nil || !slices.Contains(slices.Collect(maps.Values(values)), "林志明") {
		t.Errorf("map: %v, %v", values, err)
	}
}

// TestManyTextsLeakNothing sends texts of many shapes through a worker.
func TestManyTextsLeakNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.cloud.Does(providertest.Answer(`{"summary":"x","level":"low"}`))
	w.start(t, cloudLane)
	names := []string{"王志强", "欧阳雪琴", "陈静", "赵海峰"}
	companies := []string{"苏州恒启塑业有限公司", "合肥美桥家电集团股份有限公司", "Borealis Plastics GmbH"}
	shapes := []struct{ note, gone string }{
		{"%s今天来电，", ""},
		{"转账到6222021234567890128，", "6222021234567890128"},
		{"邮箱sales.li@corp.com.cn请回复，", "sales.li"},
		{"寄浙江省宁波市鄞州区科技路88号3幢1203室。", "科技路"},
		{"＋８６－１３９－１２３４－５６７８，", "１２３４"},
		{"0574-87654321转802，", "87654321"},
		{"Met Mr. Keller of Northwind Foods Inc.; ", "Keller"},
		{"微信号：wx_778899。", "778899"},
	}
	for i := range 48 {
		name, company, shape := names[i%len(names)], companies[i%len(companies)], shapes[i%len(shapes)]
		note := shape.note
		if strings.Contains(note, "%s") {
			note = fmt.Sprintf(note, name)
		}
		j := w.end(t, w.submit(t, private(map[string]any{
			"customer": company, "contact": name, "notes": note + name + "说" + strings.ToUpper(company) + "要 30 吨。",
		})).ID)
		if j.State != tasks.Succeeded {
			t.Errorf("%q: %s, %v", note, j.State, outcomes(j))
		}
		all := w.cloud.Asked()
		sent := all[len(all)-1].Messages[1].Content
		for _, gone := range []string{name, company, strings.ToUpper(company), "恒启", "美桥", "orealis", shape.gone} {
			if gone != "" && strings.Contains(sent, gone) {
				t.Errorf("%q was sent: %s", gone, sent)
			}
		}
	}
}
