package worker

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/providers/providertest"
	"github.com/topcentral/spillway/tasks"
)

// listsNames answers the pass with a list of names.
func listsNames(names ...privacy.Found) providertest.Behavior {
	return func(_ context.Context, req *providers.Request, _ func(providers.Delta)) (*providers.Response, error) {
		if req.SchemaName != "names" {
			return nil, providers.Errorf(providers.ClassServer, "asked for %q", req.SchemaName)
		}
		raw, err := json.Marshal(map[string]any{"names": names})
		return &providers.Response{Text: string(raw), Usage: providertest.FakeUsage}, err
	}
}

const noteOfNicknames = "下午和胖墩聊了，瀚垚报价低，金额 60 万，12 月 3 日前定。"

func TestNamesThatALocalModelListsAreMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.local.Does(listsNames(
		privacy.Found{Text: "胖墩", Kind: privacy.Person}, privacy.Found{Text: "瀚垚", Kind: privacy.Company},
		privacy.Found{Text: "查无此人", Kind: privacy.Person}, privacy.Found{Text: "60 万", Kind: privacy.Company}, privacy.Found{Text: "报价", Kind: privacy.Company},
	))
	w.cloud.Does(quotes(`{"summary":"%s %s","level":"high"}`))
	w.start(t, cloudLane)
	for range 2 {
		if j := w.end(t, w.submit(t, private(map[string]any{"notes": noteOfNicknames}), func(s *tasks.Submission) { s.Cache = "off" }).ID); j.State != tasks.Succeeded {
			t.Fatalf("job: %s, attempts %v", j.State, outcomes(j))
		}
	}
	for _, s := range []string{"胖墩", "瀚垚"} {
		if strings.Contains(w.sent(t), s) {
			t.Errorf("%q was sent: %s", s, w.sent(t))
		}
	}
	for _, s := range []string{"报价低", "60 万", "12 月 3 日"} {
		if !strings.Contains(w.sent(t), s) {
			t.Errorf("%q was not sent: %s", s, w.sent(t))
		}
	}
	if n := len(w.local.Asked()); n != 1 {
		t.Errorf("the local model was asked %d times for one text", n)
	}
}

func TestUnexplainedWordsKeepAJobHome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		local   providertest.Behavior
		change  func(*Config)
		outcome string
	}{
		{"no local model", nil, func(cfg *Config) { cfg.Attempts.Names.Off = true }, "deepseek/chat not_masked"},
		{"a list without what is plainly there", listsNames(), func(*Config) {}, "deepseek/chat not_masked"},
		{"a list that explains them", listsNames(privacy.Found{Text: "王建国", Kind: privacy.Person}), func(*Config) {}, "deepseek/chat succeeded"},
		{"sent all the same", nil, func(cfg *Config) { cfg.Attempts.Names.Off, cfg.Attempts.SendUnexplained = true, true }, "deepseek/chat succeeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, redistest.Embedded(t))
			if c.local != nil {
				w.local.Does(c.local)
			}
			w.cloud.Does(quotes(`{"summary":"%s %s","level":"high"}`))
			w.start(t, cloudLane, c.change)
			j := w.end(t, w.submit(t, private(map[string]any{"notes": "联系人：王建国。昨天瀚垚来过，60 吨。"})).ID)
			if got := outcomes(j); !slices.Equal(got, []string{c.outcome}) {
				t.Errorf("attempts %v, want %s", got, c.outcome)
			}
			if m := j.Attempts[0].Message; strings.Contains(m, "瀚垚") || strings.HasSuffix(c.outcome, "not_masked") && !strings.Contains(m, "SPILLWAY_PRIVACY_SEND_UNEXPLAINED") {
				t.Errorf("message %q", m)
			}
		})
	}
}

func TestASlowLocalModelHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.local.Does(func(ctx context.Context, _ *providers.Request, _ func(providers.Delta)) (*providers.Response, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})
	w.cloud.Does(quotes(`{"summary":"%s %s","level":"high"}`))
	w.start(t, cloudLane, func(cfg *Config) { cfg.Attempts.Names.Timeout = 50 * time.Millisecond })
	if j := w.end(t, w.submit(t, private(person)).ID); j.State != tasks.Succeeded {
		t.Errorf("job: %s, attempts %v", j.State, outcomes(j))
	}
}

func TestFieldsOnlySendsNoFreeText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redistest.Embedded(t))
	w.cloud.Does(quotes(`{"summary":"%s %s","level":"high"}`))
	w.start(t, cloudLane)
	fields := func(s *tasks.Submission) { s.Privacy = tasks.MaskedFields }
	j := w.end(t, w.submit(t, private(map[string]any{"customer": "宁波方卓电器有限公司", "contact": "林志明"}), fields).ID)
	if got := outcomes(j); !slices.Equal(got, []string{"deepseek/chat succeeded"}) || strings.Contains(w.sent(t), "方卓") || strings.Contains(w.sent(t), "志明") {
		t.Errorf("attempts %v, sent %s", got, w.sent(t))
	}
	asked := len(w.cloud.Asked())
	j = w.end(t, w.submit(t, private(person), fields).ID)
	if got := outcomes(j); !slices.Equal(got, []string{"deepseek/chat not_masked"}) || len(w.cloud.Asked()) != asked {
		t.Errorf("free text: attempts %v", got)
	}
}
