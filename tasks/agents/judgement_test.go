package agents_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// answer is what a scorecard says, in Chinese.
type answer map[string]any

func (a answer) text(member string) string {
	if s, ok := a[member].(string); ok {
		return s
	}
	body, _ := json.Marshal(a[member])
	return string(body)
}

func (a answer) score() int {
	n, _ := a["score"].(float64)
	return int(n)
}

func (a answer) action() string {
	all, _ := a["next_actions"].([]any)
	if len(all) == 0 {
		return ""
	}
	body, _ := json.Marshal(all[0])
	return string(body)
}

func scorecardAnswer(t *testing.T, id, input string) answer {
	t.Helper()
	c, err := agents.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	agent, ok := c.Lookup(id)
	if !ok {
		t.Fatalf("no agent %s", id)
	}
	raw, err := agent.Score(json.RawMessage(input), tasks.Chinese)
	if err != nil {
		t.Fatalf("%s: %v", input, err)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestWhatASalesDirectorWouldLaughAt holds what scorecards must not say.
func TestWhatASalesDirectorWouldLaughAt(t *testing.T) {
	for _, c := range []struct {
		name, agent, input string
		right              func(a answer) bool
	}{
		{"a deal silent for a year is C at most, and first it is asked whether it is alive", "A02", `{"product": "PCR-PP", "customer": "某家电", "as_of": "2026-03-10", "expected_close_date": "2025-04-01", "last_contact_date": "2025-02-01", "client": "current", "up_sale": "yes", "positive_statement": "yes", "competitors": "no", "budget_allocated": "yes", "purchasing_dept": "yes", "source": "joint_past", "authority": "high", "scope": "clear", "needs_defined": "yes", "client_attention": "strategic_account", "strategic_deal": "very_important", "deal_type": "maintenance", "partnership": "yes", "company_size": "big", "growth": "growth"}`,
			func(a answer) bool { return a.score() <= 54 && strings.Contains(a.action(), "是否还活着") }},
		{"dates without a day to count from are named", "A02", `{"product": "MES", "expected_close_date": "2020-01-01", "last_contact_date": "2019-01-01", "client": "current", "competitors": "no", "up_sale": "yes", "positive_statement": "yes", "budget_allocated": "yes"}`,
			func(a answer) bool { return strings.Contains(a.text("missing"), "as_of") }},
		{"an up-sale to a new client contradicts itself", "A02", `{"product": "X", "client": "new", "up_sale": "yes", "positive_statement": "yes", "competitors": "no", "client_attention": "first_deal", "source": "joint_past"}`,
			func(a answer) bool {
				return strings.Contains(a.text("risks"), "相互矛盾") && !strings.Contains(a.text("drivers"), "价值得到过验证")
			}},
		{"a large deal that closes tomorrow, unknown", "A02", `{"product": "MES", "as_of": "2026-03-10", "expected_close_date": "2026-03-11", "amount": 98000000, "currency": "CNY", "client": "new"}`,
			func(a answer) bool {
				return strings.Contains(a.text("risks"), "1 天后签约") && strings.Contains(a.text("risks"), "98000000")
			}},
		{"nothing known", "A02", `{"product": "X"}`,
			func(a answer) bool { return strings.Contains(a.text("summary"), "几乎没有可供判断的信息") }},
		{"a start of production that is past", "A03", `{"customer": "甲", "project": "P", "as_of": "2026-03-12", "start_of_production": "2025-09-01", "stage": "sample", "monthly_tonnage": 50, "gross_margin": 0.2}`,
			func(a answer) bool {
				return a.text("level") != "high" && strings.Contains(a.text("risks"), "量产时间已过")
			}},
		{"a loss with every tonne", "A03", `{"customer": "甲", "project": "P", "stage": "mass_production", "monthly_tonnage": 50, "gross_margin": -0.3}`,
			func(a answer) bool { return a.text("level") != "high" && strings.Contains(a.action(), "重新核价") }},
		{"figures are rounded", "A03", `{"customer": "甲", "project": "P", "gross_margin": 0.07, "monthly_tonnage": 8.3}`,
			func(a answer) bool { return strings.Contains(a.text("summary"), "99.6 吨") }},
		{"what is absent is no evidence", "A03", `{"customer": "甲", "project": "P"}`,
			func(a answer) bool { return !strings.Contains(a.text("drivers"), "monthly_tonnage=0") }},
		{"a contract that is not agreed on", "A04", `{"date": "2026-03-12", "activities": [{"salesperson": "陈静", "customer": "甲公司", "kind": "contract", "text": "合同条款还没谈拢，法务打回修改，下周再议。", "outcome": "neutral"}]}`,
			func(a answer) bool {
				return !strings.Contains(a.text("summary"), "签约") && strings.Contains(a.text("risks"), "签约未落实")
			}},
		{"a contract that two people report", "A04", `{"date": "2026-03-12", "activities": [{"salesperson": "陈静", "customer": "甲公司", "kind": "contract", "text": "与甲公司签订 300 万合同。", "outcome": "progress"}, {"salesperson": "王磊", "customer": "甲公司", "kind": "contract", "text": "陪同陈静与甲公司签 300 万合同。", "outcome": "progress"}]}`,
			func(a answer) bool { return strings.Contains(a.text("summary"), "签约 1 笔") }},
		{"a next step whose date is past", "A04", `{"date": "2026-03-12", "activities": [{"salesperson": "周明远", "customer": "乙公司", "kind": "call", "text": "约好送样。", "outcome": "progress", "next_step": "送样", "next_date": "2025-03-01"}]}`,
			func(a answer) bool { return strings.Contains(a.text("next_actions"), "已过") }},
		{"a customer without records", "A05", `{"customer": "丙", "as_of": "2026-03-31"}`,
			func(a answer) bool { return strings.Contains(a.text("summary"), "无法判断") }},
		{"a yearly rhythm", "A05", `{"customer": "丙", "as_of": "2026-03-31", "orders": [{"date": "2025-12-21", "amount": 50000}, {"date": "2024-12-21", "amount": 50000}]}`,
			func(a answer) bool { return !strings.Contains(a.text("drivers"), "平时约 45 天") && a.score() < 57 }},
		{"several orders on one day are no rhythm", "A05", `{"customer": "丙", "as_of": "2026-03-31", "orders": [{"date": "2026-03-21", "amount": 100}, {"date": "2026-03-21", "amount": 200}, {"date": "2026-03-21", "amount": 300}, {"date": "2026-03-21", "amount": 400}, {"date": "2026-03-21", "amount": 500}, {"date": "2026-03-21", "amount": 600}]}`,
			func(a answer) bool { return !strings.Contains(a.text("drivers"), "平时约 1 天") }},
		{"a customer that left years ago", "A05", `{"customer": "丙", "as_of": "2026-03-31", "orders": [{"date": "2023-03-27", "amount": 10000}, {"date": "2023-02-25", "amount": 10000}, {"date": "2023-01-26", "amount": 10000}]}`,
			func(a answer) bool {
				return a.text("level") == "high" && strings.Contains(a.text("next_actions"), "挽回")
			}},
		{"a business with seasons", "A05", `{"customer": "丙", "as_of": "2026-01-15", "orders": [{"date": "2025-06-05", "amount": 10000}, {"date": "2025-05-05", "amount": 10000}, {"date": "2025-04-05", "amount": 10000}, {"date": "2025-03-05", "amount": 10000}, {"date": "2024-06-05", "amount": 10000}, {"date": "2024-05-05", "amount": 10000}, {"date": "2024-04-05", "amount": 10000}, {"date": "2024-03-05", "amount": 10000}]}`,
			func(a answer) bool { return a.score() < 50 && strings.Contains(a.text("drivers"), "淡季") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := scorecardAnswer(t, c.agent, c.input); !c.right(a) {
				body, _ := json.MarshalIndent(a, "", "  ")
				t.Errorf("got %s", body)
			}
		})
	}
}

// TestChurnRiskNeverFallsWithSilence lets a customer who ordered each month for two
// years fall silent.
func TestChurnRiskNeverFallsWithSilence(t *testing.T) {
	asOf := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	last := 0
	for _, silent := range []int{10, 30, 60, 90, 120, 150, 179, 185, 240, 300, 364, 366, 400, 800} {
		var orders []string
		for d := silent; d < silent+730; d += 30 {
			orders = append(orders, fmt.Sprintf(`{"date":%q,"amount":10000}`, asOf.AddDate(0, 0, -d).Format(time.DateOnly)))
		}
		input := fmt.Sprintf(`{"customer":"丙","as_of":%q,"orders":[%s]}`, asOf.Format(time.DateOnly), strings.Join(orders, ","))
		got := scorecardAnswer(t, "A05", input).score()
		if got < last {
			t.Errorf("%d days silent: risk %d, and %d before", silent, got, last)
		}
		last = got
	}
	if last < 75 {
		t.Errorf("after 800 days the risk is %d", last)
	}
}
