package privacy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// words are what the built-in agents' enumerations hold, as far as tests need it.
var words = strings.Fields("new current past unknown yes no neutral high low mid very_important average_important")

// maskNote masks a note.
func maskNote(t testing.TB, note string) (*Mask, string) {
	t.Helper()
	in, err := encode(map[string]string{"notes": note})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Options{Key: []byte("k"), Words: words}, in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(m.Input(), &out); err != nil {
		t.Fatal(err)
	}
	return m, out["notes"]
}

func TestWhatAnAnalysisIsAboutStays(t *testing.T) {
	for _, note := range []string{
		"王牌产品高总量增长，金额 12.5 万，三张订单，2026-11-21 交货，型号 PA66-GF30。",
		"提高总产能，国王总部，小时工，老板说何时交货，马上发货，方便面，曾经合作，白色家电，黄色母粒。",
		"库存 2000 件，订单号 SO20261121001，批号 20260312，合格率 96.5%，L 值 ≤ 28，20–25 g/10min",
		"客户说智能制造方向明确，安全库存 300 件，华东地区增长 20%，周五前答复。",
		"PCR-ABS 70% 黑色，数量 500吨，单价 12800 元/吨，¥13,600.00，预算 138 万元，USD 45000。",
		"预计金额 13812345678 元，分 3 批，2026年3月25日，每周二上午 9:30，第三季度。",
		"Amount 1,250,000.00 USD, closing 2026-03-31, stage negotiation, 35% probability, model X200-B.",
		"于是全部关于成本的计划和方案都已完成，任何时候都应及时解决，包装单价平均上涨。",
		"高温高压工况，温度 220℃/10kg，水平度 0.5mm，金属件，石墨，文件，程序，路由器。",
		"上市公司、分公司、物流公司、外贸公司和子公司都可以，本公司没有意见，工厂停产。",
		"版本 1.2.3.4 已发布，服务时间 09:20:30，比例 3:2:1，章程，龙头企业，常规检测。",
		"我们有三个竞争对手，价格高于对方，客户关系一般，项目周期 6 个月，付款 60 天。",
	} {
		if _, got := maskNote(t, note); got != note {
			t.Errorf("%s\nbecame %s", note, got)
		}
	}
}

func TestWhatNamesSomebodyGoes(t *testing.T) {
	for _, c := range []struct {
		note   string
		hidden []string
	}{
		{"今天下午和张伟、李娜、欧阳明月开会。", []string{"张伟", "李娜", "欧阳明月"}},
		{"昨天拜访了宁波方卓电器有限公司的林总，电话13812345678，邮箱linzong@fangzhuo.com请查收。",
			[]string{"方卓", "林总", "1381234", "fangzhuo"}},
		{"请寄到浙江省宁波市鄞州区科技路88号科创大厦3幢1203室，收件人陈静，０２１－６５４３２１００转801",
			[]string{"鄞州", "科技路", "科创", "1203", "陈静", "６５４３"}},
		{"我们联系了司马相如先生；采购黄工表示同意，何工提出第二批偏灰。", []string{"司马", "相如", "黄工", "何工"}},
		{"Met John Smith and Maria Gonzalez of Acme Widgets Co., Ltd.; Dr. Brown agreed. Call +1 (415) 555-2671 ext 12.",
			[]string{"John", "Smith", "Gonzalez", "Acme", "Widgets", "Brown", "555"}},
		{"Wang Xiaoming (Zhang Wei's boss) lives at 12 Baker Street.", []string{"Xiaoming", "Wei", "Baker"}},
		{"身份证330106199003071234，卡号6222 0200 0001 2345 678，税号91330200MA2AF12345", []string{"19900307", "6222", "MA2AF"}},
		{"微信号 wx_abc123，QQ 12345678，车牌浙B12345，护照E12345678", []string{"wx_abc123", "12345678", "B12345"}},
		{"刘思雨跟进，赵海峰负责，王磊寄样品；通知周明远、陈静参加。", []string{"思雨", "海峰", "王磊", "明远", "陈静"}},
		{"赵 磊，王　芳；项目经理李建国136-1234-5678。0574-87654321，400-820-8820，(010) 6512 3456", []string{"赵 磊", "王　芳", "建国", "1234-5678", "8765", "820", "6512"}},
		{"苏州恒启塑业下单 60 吨，上海贝尔股份有限公司中标，对手远川新材报价低。竞争对手远川新材报价低。", []string{"恒启", "贝尔", "竞争对手远川"}},
		{"sk-abcdefghijklmnopqrstuvwx AKIAIOSFODNN7EXAMPLE https://u:p@host.cn/x 192.168.1.20 eyJhbGciOi.eyJzdWIiOi.abc",
			[]string{"sk-", "AKIA", "u:p", "192.168", "eyJ"}},
		{"小王和老李都同意；请转告张经理、刘女士、陈总监，王小明先生已到。", []string{"小王", "老李", "张经理", "刘女士", "陈总", "小明"}},
		{"+86 138 1234 5678 或 86-13912345678 或 138-1234-5678", []string{"1234", "5678"}},
		{"一三八一二三四五六七八", []string{"一二三四"}},
		{"ＡＢＣ有限公司没有，但腾飞集团、恒力股份有限公司有。联系人：诸葛亮明", []string{"腾飞", "恒力", "诸葛"}},
	} {
		m, got := maskNote(t, c.note)
		for _, h := range c.hidden {
			if strings.Contains(got, h) {
				t.Errorf("%q is left in %s", h, got)
			}
		}
		if back := m.Restore(got); back != c.note {
			t.Errorf("restored %q, want %q", back, c.note)
		}
		if err := m.Check(string(m.Input())); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

var figures = regexp.MustCompile(`\d{4}-\d{2}-\d{2}|\d+(?:\.\d+)?(?: ?(?:%|吨|元|万|公斤|件))|"(?:amount|price|tonnage)":[\d.]+`)

// TestExamplesKeepAmountsAndDates masks the examples of the built-in agents.
func TestExamplesKeepAmountsAndDates(t *testing.T) {
	files, err := filepath.Glob("../../tasks/agents/a*/examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %d, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e struct{ Input map[string]any }
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		delete(e.Input, "project") // its name goes as a whole, figures included
		delete(e.Input, "opportunity")
		in, err := encode(e.Input)
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(Options{Key: []byte("k"), Words: words}, in)
		if err != nil {
			t.Fatal(err)
		}
		want, got := fmt.Sprint(figures.FindAllString(string(in), -1)), fmt.Sprint(figures.FindAllString(string(m.Input()), -1))
		if got != want {
			t.Errorf("%s: figures %s, want %s", file, got, want)
		}
		if back := m.RestoreJSON(string(m.Input())); back != string(in) {
			t.Errorf("%s: restored %s", file, back)
		}
		if err := m.Check(string(m.Input())); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
