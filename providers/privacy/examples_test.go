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
		"一季度华东区销售额同比增长 12%，其中白色家电板块贡献 60%，汽车内饰板块下滑，主要是主机厂减产。",
		"客户要求阻燃等级 UL94 V-0，熔指 20 g/10min，灰分不超过 15%，色差 ΔE ≤ 0.8，气味 3.5 级以下。",
		"风险：价格偏高 8%，交期 45 天超过客户预期；建议：下周二前提交阶梯报价，同时安排第二批样品 25 公斤。",
		"该客户属于老客户，历史订单 36 笔，平均每单 11.4 万元，最近一次下单 2026-01-14，已经 57 天没有新订单。",
		"付款方式：月结60天，电汇；运费由我司承担；质保期 12 个月；违约金为合同总额的 5%。",
		"平台上线时间推迟到四月中旬，信息部门表示预算已批，但招标流程尚未开始，技术方案需要重新评审。",
		"库存周转天数 42 天，安全库存 300 件，建议补货 500 件；A 类物料占比 68%，呆滞料 12 吨。",
		"The customer wants a 5% discount and delivery within 30 days. Budget is approved; the tender starts in April. Competitors are cheaper by 3%.",
		"Product X200 passed the drop test; PA66-GF30 sample no. 3 failed impact at -30 C. Next step: send 50 kg by 2026-04-02.",
		"Monthly Recurring Revenue grew to USD 1.2M. Customer Success Team flagged churn risk. Net Promoter Score 41. Q3 Forecast Review.",
		"经济下行，原材料上涨，石油价格波动，海运费上涨；公司成立于 2008 年，员工 300 人，注册资本 5000 万元。",
		"项目处于中试阶段，采购总监支持，研发经理中立，品质主管反对；下一步由销售经理牵头，技术部配合。",
		"我们拜访了客户的工厂，参观车间、仓库和实验室；对方领导对产品表示认可，希望尽快签订合同。",
		"水性涂料、金属粉末、高分子材料、全自动生产线、程控设备、温控系统、方管、圆管、白板、黄铜、蓝色、平台、任务、时间、万元",
		"合同约定：卖方应于 2026 年 6 月 30 日前交付；逾期每日按未付款的 0.5‰ 计息；争议提交仲裁。",
		"张力测试、李子味、王者荣耀、马力不足、牛皮纸、熊猫、龙头、石头、金牌服务、银行承兑、童装、苗木、车辆、房产、江景、河流、湖泊",
		"本周完成：电话 35 个、拜访 8 家、报价 6 份、成交 2 单，合计 61.2 万元；下周计划：拜访 10 家，重点推进3个项目。",
		"应收账款 238000 元，其中逾期 30 天以内 80%，30-60 天 15%，60 天以上 5%；信用等级 B。",
		"型号：SN-20260311-0012、ABS-PA757、TL-WR841N、M8x25、DN50、φ12.5mm；图号 DWG-2026-118A",
		"会议时间：周三上午10点至11点半，地点：线上；议题：新品定价、渠道政策、返利方案、年度目标。",
		"用户反馈系统慢，登录失败 3 次；版本 V2.3.1，浏览器 Chrome 120，接口超时 30s，已在处理。",
		"同比、环比、毛利率、净利率、复购率、客单价、转化率、流失率、满意度、市占率均有改善。",
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
		{"上午跟杭州海康的李明哲沟通了一下，采购王姐那边预算紧；负责人赵铁柱离职，对接人换成了孙悦。", []string{"李明", "王姐", "赵铁柱", "孙悦"}},
		{"周三去了东莞市长安镇乌沙社区江贝村振安东路12号，见到厂长胡国强和品质部小刘。", []string{"长安镇", "振安", "胡国强", "小刘"}},
		{"华为技术有限公司与中兴通讯股份有限公司都在竞标。阿里巴巴集团、腾讯控股有限公司均有需求。", []string{"华为", "中兴", "阿里", "腾讯"}},
		{"北京字节跳动科技有限公司（以下简称“字节”），法定代表人张利东。", []string{"字节", "张利东"}},
		{"李雷和韩梅梅周五到访，胡歌负责，刘亦菲跟单；诸葛青、司徒静怡负责验厂，尉迟恭发货，黄海峰、韩国栋签字。",
			[]string{"李雷", "韩梅梅", "胡歌", "刘亦菲", "诸葛", "司徒", "尉迟", "黄海峰", "韩国栋"}},
		{"高总昨天批了；何总说，马总同意，金总和方总都支持，司机老赵在等。", []string{"高总", "何总", "马总", "金总", "方总", "老赵"}},
		{"账号 3662 5831 2345，港澳通行证C12345678，苏E88K99，IP 10.0.0.8，api_key=abcd1234efgh5678 密码：Abc@12345",
			[]string{"3662", "C12345678", "E88K99", "10.0.0.8", "abcd1234", "Abc@"}},
		{"Dear Mr. Müller, please send 500 pcs to Siemens AG, Werner-von-Siemens-Straße 1, 80333 München. Best regards, Anna Schmidt. Steve called.",
			[]string{"Müller", "Siemens", "80333", "Anna", "Schmidt", "Steve"}},
		{"收货人：欧阳娜娜，上海市闵行区七宝镇漕宝路3366号七宝万科广场A座1105，联系 李女士：一三九零零零零一一一一", []string{"欧阳", "漕宝路", "1105", "李女士", "零零"}},
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
