package privacy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// sample is a generated business text: an input with values planted in it.
type sample struct {
	input   json.RawMessage
	planted []string // none of these may be left
	kept    []string // all of these must be
}

// maker makes samples; the same seed makes the same.
type maker struct {
	*rand.Rand
	s sample
}

// corpus makes n samples.
func corpus(n int) []sample {
	all := make([]sample, n)
	for i := range all {
		m := &maker{Rand: rand.New(rand.NewPCG(2026, uint64(i)))}
		all[i] = m.make()
	}
	return all
}

func (m *maker) of(all string) string {
	words := strings.Fields(all)
	return words[m.IntN(len(words))]
}

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

func (m *maker) digits(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(byte('0' + m.IntN(10)))
	}
	return b.String()
}

// plant notes a value that must not be left.
func (m *maker) plant(v string) string {
	m.s.planted = append(m.s.planted, v)
	return v
}

// keep notes a figure that must stay.
func (m *maker) keep(v string) string {
	m.s.kept = append(m.s.kept, v)
	return v
}

const (
	manySurnames = `王 李 张 刘 陈 杨 赵 吴 徐 孙 朱 郭 罗 郑 梁 谢 宋 邓 韩 曹 彭 萧 蔡 潘 董 袁 叶 魏 吕 丁 沈 姚 卢 傅 钟 崔 廖 范 汪 陆 周 黄 胡 林 何 高 马 方 金 程 欧阳 司马 诸葛 上官`
	manyGiven    = `伟明 志强 秀英 建国 丽娟 海峰 思雨 雅琪 晓东 俊杰 子涵 文博 玉兰 国栋 淑芬 伟 静 磊 强 敏 芳 杰 娜`
	manyTitles   = `总 经理 工 先生 女士 主任 部长 总监 董事长 老师`
	manyCities   = `宁波 苏州 合肥 芜湖 昆山 深圳 东莞 佛山 杭州 青岛`
	manyBrands   = `方卓 恒启 科立 立德 甬江 远川 东曜 美桥 信达 瑞沃 博凯 鼎盛 华钛`
	manyTrades   = `电器 塑业 汽饰 电子 精密制造 新材料 家电 模具 科技`
)

func (m *maker) name() string { return m.of(manySurnames) + m.of(manyGiven) }

func (m *maker) company() (full, short, brand string) {
	brand = m.of(manyBrands)
	short = m.of(manyCities) + brand + m.of(manyTrades)
	return short + m.of("有限公司 股份有限公司 集团有限公司 有限责任公司"), short, brand
}

// wide writes ASCII in full width.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r <= '~' {
			return r - '!' + '！'
		}
		return r
	}, s)
}

// loose writes a text in one of its spellings.
func (m *maker) loose(s string) string {
	switch m.IntN(6) {
	case 0:
		return wide(s)
	case 1:
		return strings.ToUpper(s)
	}
	return s
}

func (m *maker) mobile() string {
	s := "1" + m.of("38 39 51 77 86 99 31 52") + m.digits(8)
	switch m.IntN(7) {
	case 0:
		return s[:3] + "-" + s[3:7] + "-" + s[7:]
	case 1:
		return s[:3] + " " + s[3:7] + " " + s[7:]
	case 2:
		return "+86 " + s
	case 3:
		return "+86-" + s[:3] + "-" + s[3:7] + "-" + s[7:]
	case 4:
		return wide(s)
	}
	return s
}

func (m *maker) landline() string {
	s := m.of("021 010 0574 0512 0755 0551") + m.of("- _") + m.of("6 8 5 2") + m.digits(7)
	s = strings.ReplaceAll(s, "_", " ")
	return s + m.of(". 转801 -8012 ext.12")
}

func (m *maker) resident() string {
	s := m.of("330203 320506 340104 110101") + fmt.Sprintf("%d%02d%02d", 1960+m.IntN(45), 1+m.IntN(12), 1+m.IntN(28)) + m.digits(3)
	s += string(checkMod11(s))
	if m.chance(30) {
		return s[:6] + " " + s[6:14] + " " + s[14:]
	}
	return s
}

func (m *maker) card() string {
	s := m.of("6222 6217 4392 5187") + m.digits(11)
	for d := byte('0'); d <= '9'; d++ {
		if bankCard(s+string(d), 1) {
			s += string(d)
			break
		}
	}
	if m.chance(50) {
		return s[:4] + " " + s[4:8] + " " + s[8:12] + " " + s[12:]
	}
	return s
}

func (m *maker) code() string {
	s := "91330" + m.digits(3) + "MA2" + m.digits(6)
	for _, c := range creditAlphabet {
		if creditCode(s + string(c)) {
			return s + string(c)
		}
	}
	return s
}

func (m *maker) address() string {
	return m.of("浙江省宁波市鄞州区 江苏省苏州市工业园区 广东省深圳市南山区 上海市浦东新区") + m.of("科技路 长江大道 人民东路 望江街 星湖街") +
		fmt.Sprintf("%d号", 1+m.IntN(999)) + m.of("3幢1203室 科创大厦B座18楼 5号楼 .")
}

// sentence returns a sentence with a value in it that no field holds.
func (m *maker) sentence() string {
	switch m.IntN(14) {
	case 0:
		n := m.plant(m.of(manySurnames) + m.of(manyTitles))
		return "今天" + n + "来电，要求" + m.keep("2026-04-15") + "前到货；"
	case 1:
		return "电话" + m.plant(m.mobile()) + "，" + "订了" + m.keep(fmt.Sprintf("%d吨", 1+m.IntN(900))) + "。"
	case 2:
		return "邮箱" + m.plant(m.loose(m.of("sales info li.wei zhang_san")+m.digits(2)+"@"+m.of("corp mail acme")+m.of(".com .cn .com.cn"))) + "已核对，"
	case 3:
		return "座机：" + m.plant(strings.TrimSuffix(m.landline(), ".")) + "。报价 " + m.keep("12800 元/吨") + "。"
	case 4:
		return "身份证" + m.plant(m.resident()) + "，复印件已收。"
	case 5:
		return "付款到" + m.plant(m.card()) + "，共" + m.keep("23.8 万元") + "。"
	case 6:
		return "税号" + m.plant(m.code()) + "；"
	case 7:
		return "样品寄" + m.plant(strings.TrimSuffix(m.address(), ".")) + "。"
	case 8:
		full, _, _ := m.company()
		return "另外" + "联系了" + m.plant(full) + "，毛利 " + m.keep("19%") + "。"
	case 9:
		a, b := m.plant(m.of(manySurnames)+m.of("伟明 志强 秀英 海峰 雅琪")), m.plant(m.of(manySurnames)+m.of("建国 丽娟 俊杰 文博"))
		return "参会：" + a + "、" + b + "。"
	case 10:
		return "联系人：" + m.plant(m.name()) + "，阶段 " + m.keep("样品测试") + "。"
	case 11:
		return "车牌" + m.plant("浙B"+m.digits(5)) + "，微信号：" + m.plant("wx_"+m.digits(6)) + "。"
	case 12:
		return "密钥 " + m.plant("sk-"+strings.Repeat("aB3", 8)+m.digits(6)) + " 已停用。"
	}
	return "热线 " + m.plant("400-"+m.digits(3)+"-"+m.digits(4)) + "，周五前答复。"
}

var englishSentences = []func(m *maker) string{
	func(m *maker) string {
		return "Met " + m.plant("Mr. "+m.of("Smith Johnson Keller Novak")) + " on " + m.keep("2026-03-12") + ". "
	},
	func(m *maker) string {
		return m.plant(m.of("John Maria Peter Anna")+" "+m.of("Walker Gonzalez Keller Novak")) + " wants " + m.keep("35%") + " off. "
	},
	func(m *maker) string {
		return "Call " + m.plant("+49 30 "+m.digits(7)) + " about " + m.keep("USD 45,000.00") + ". "
	},
	func(m *maker) string {
		return "Quote sent to " + m.plant(m.of("Borealis Northwind Zephyr")+" "+m.of("Plastics Foods Components")+" "+m.of("GmbH Inc. Ltd. LLC")) + " for PCR-ABS. "
	},
	func(m *maker) string {
		return "Ship to " + m.plant(fmt.Sprintf("%d %s Street", 1+m.IntN(900), m.of("Baker Main Harbour"))) + ". "
	},
	func(m *maker) string { return "Mail " + m.plant("j.doe"+m.digits(3)+"@example.com") + " by Friday. " },
	func(m *maker) string { return m.plant("Zhang "+m.of("Wei Xiaoming Lihua")) + " approved. " },
}

// make builds an input: fields with a person and a company, nested or not, and
// notes that spell them in other ways and hold values of their own.
func (m *maker) make() sample {
	full, short, brand := m.company()
	person := m.of("王 李 张 刘 陈 赵 徐 孙") + m.of("小明 志强 海峰 雅琪 文博 俊杰")
	m.plant(full)
	m.plant(short)
	m.plant(brand)
	m.plant(person)
	var notes strings.Builder
	surname := string([]rune(person)[:1])
	for _, say := range []func() string{
		func() string {
			return "拜访" + short + "，" + m.plant(surname+m.of("总 经理 工 先生")) + "说价格高。"
		},
		func() string {
			return surname + " " + strings.TrimPrefix(person, surname) + "表示预算已批，" + brand + "愿意试用。"
		},
		func() string {
			return person + "希望" + m.keep("3 月 25 日") + "前收到" + m.keep("50 公斤") + "样品，"
		},
		func() string { return strings.Join(strings.Split(person, ""), "　") + "已确认。" },
	} {
		if m.chance(60) {
			notes.WriteString(say())
		}
	}
	for range 1 + m.IntN(4) {
		if m.chance(25) {
			notes.WriteString(" " + englishSentences[m.IntN(len(englishSentences))](m))
		} else {
			notes.WriteString(m.sentence())
		}
	}
	fields := map[string]any{"amount": 486000, "as_of": "2026-03-12", "product": "PCR-ABS 70% 黑色", "notes": notes.String()}
	switch m.IntN(4) {
	case 0:
		fields["customer"], fields["contact"] = full, person
	case 1:
		fields["customer"] = map[string]any{"name": full, "contacts": []any{map[string]any{"name": person, "phone": m.plant(m.mobile())}}}
	case 2:
		fields["客户名称"], fields["联系人"] = full, []string{person}
	default:
		fields["account"] = map[string]any{"company_name": full, "primary_contact": person + "（采购）"}
	}
	raw, err := encode(fields)
	if err != nil {
		panic(err)
	}
	m.s.input = raw
	return m.s
}

// texts of the corpus: enough for the promise, fewer in short runs.
func corpusSize() int {
	if testing.Short() {
		return 300
	}
	return 2500
}

func TestNothingPlantedIsLeft(t *testing.T) {
	t.Parallel()
	leaks, losses, doubts := 0, 0, 0
	for i, s := range corpus(corpusSize()) {
		m, err := New(Options{Key: []byte{byte(i)}}, s.input)
		if err != nil {
			t.Fatal(err)
		}
		bones := skeletonOf(m)
		for _, v := range s.planted {
			if strings.Contains(bones, skeleton(v)) {
				leaks++
				if leaks < 20 {
					t.Errorf("%d: %q is left in %s\nof %s", i, v, m.Input(), s.input)
				}
			}
		}
		for _, v := range s.kept {
			if !strings.Contains(string(m.Input()), v) {
				losses++
				if losses < 20 {
					t.Errorf("%d: %q is lost in %s\nof %s", i, v, m.Input(), s.input)
				}
			}
		}
		if back := m.RestoreJSON(string(m.Input())); back != string(s.input) {
			t.Fatalf("%d: restored %s\nwant %s", i, back, s.input)
		}
		if err := m.Check(string(m.Input())); err != nil {
			if doubts++; doubts < 10 {
				t.Errorf("%d: %v: %s", i, err, m.Input())
			}
		}
	}
	t.Logf("%d texts: %d leaks, %d figures lost, %d doubts", corpusSize(), leaks, losses, doubts)
}

// skeletonOf is what is left of the masked input beside the tokens, as letters
// and digits.
func skeletonOf(m *Mask) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for part := range strings.SplitSeq(m.withoutTokens(string(m.input)), "\uFFFC") {
		b.WriteString(skeleton(part) + "\n")
	}
	return b.String()
}

func BenchmarkMask(b *testing.B) {
	samples := corpus(200)
	size := 0
	for _, s := range samples {
		size += len(s.input)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range samples {
			if _, err := New(Options{Key: []byte("k")}, samples[i].input); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N)/(float64(size)/1024), "ms/KB")
}

// BenchmarkLongNote masks one long text, where what a job costs by itself
// matters less.
func BenchmarkLongNote(b *testing.B) {
	var notes strings.Builder
	for _, s := range corpus(60) {
		var in map[string]any
		if err := json.Unmarshal(s.input, &in); err != nil {
			b.Fatal(err)
		}
		fmt.Fprint(&notes, in["notes"])
	}
	raw, err := encode(map[string]string{"notes": notes.String()})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := New(Options{Key: []byte("k")}, raw); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N)/(float64(len(raw))/1024), "ms/KB")
}
