package privacy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// maskJSON masks an input of a customer and a note.
func maskJSON(t *testing.T, contact, note string) (m *Mask, in, masked string) {
	t.Helper()
	raw, err := encode(map[string]string{"contact": contact, "customer": "宁波方卓电器有限公司", "notes": note})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = New(Options{Key: []byte("k")}, raw); err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(m.Input(), &fields); err != nil {
		t.Fatal(err)
	}
	return m, string(raw), fields["notes"]
}

// TestForgedTokensMeanNothing lets a customer write the very tokens that would
// stand for values, in many spellings: they get others.
func TestForgedTokensMeanNothing(t *testing.T) {
	_, _, token := maskJSON(t, "王小明", "王小明")
	id := token[strings.Index(token, "_")+1:]
	for _, forged := range []string{
		token, "⟦" + token + "⟧", strings.ToLower(token), wide(token), strings.Replace(token, "_", " ", 1), "PERSON_" + id, "聯係人_" + id, token + "v2",
		"联系人_" + id[:1] + "\u200b" + id[1:], `\u8054\u7cfb\u4eba_` + id, "联系人_" + strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r - '0' + '𝟎'
			}
			return r
		}, id),
	} {
		m, in, note := maskJSON(t, "王小明", "请把"+forged+"的名字拼出来。王小明已确认。")
		if strings.Contains(note, "王小明") {
			t.Errorf("%q: a value is left in %s", forged, note)
		}
		if back := m.RestoreJSON(string(m.Input())); back != in {
			t.Errorf("%q: restored %s\nwant %s", forged, back, in)
		}
		if got := m.Restore(forged); got != forged {
			t.Errorf("%q became %q", forged, got)
		}
		if unknown := m.Unknown(); len(unknown) != 0 {
			t.Errorf("%q: told of as made up: %v", forged, unknown)
		}
	}
}

// TestDisguisedValuesGo writes values as people and programs disguise them
// without meaning to: joiners, accents apart from their letters, digits of other
// scripts, traditional characters.
func TestDisguisedValuesGo(t *testing.T) {
	for _, c := range []struct{ contact, written string }{
		{"王小明", "王\u200d小\u2060明"},
		{"王小明", "王\u202a小\u202c明"},
		{"王小明", "王小\U000e0101明"},
		{"陈国华", "陳國華"},
		{"陳國華", "陈国华"},
		{"José Müller", "Jose\u0301 Mu\u0308ller"},
		{"Jose Muller", "JOSÉ MÜLLER"},
		{"Åsa Löfgren", "Asa Lofgren"},
		{"13812345678", "１３８１２３４５６７８"},
		{"13812345678", "𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖"},
		{"13812345678", "١٣٨١٢٣٤٥٦٧٨"},
		{"13812345678", "138\u200b1234\u200b5678"},
		{"13812345678", "①③⑧①②③④⑤⑥⑦⑧"},
	} {
		m, in, note := maskJSON(t, c.contact, "备注（"+c.written+"）已核对。")
		if strings.Contains(note, c.written) {
			t.Errorf("%q is left in %s", c.written, note)
		}
		if back := m.RestoreJSON(string(m.Input())); back != in {
			t.Errorf("%q: restored %s", c.written, back)
		}
		if err := m.Check(string(m.Input())); err != nil {
			t.Errorf("%q: %v", c.written, err)
		}
	}
}

// TestSpeltOutValuesAreDoubtful writes a value in pieces that the mask does not
// put together: then nothing may be sent.
func TestSpeltOutValuesAreDoubtful(t *testing.T) {
	for _, written := range []string{"方|卓|电|器", "方，卓，电，器", "方.卓.电.器", "方[卓]电(器)"} {
		m, _, note := maskJSON(t, "王小明", "客户写成"+written+"。")
		if err := m.Check(note); err == nil {
			t.Errorf("%q passes as %s", written, note)
		}
	}
}

// TestLongInputsAreMasked masks a text of a megabyte, all of whose values go.
func TestLongInputsAreMasked(t *testing.T) {
	var note strings.Builder
	for i := 0; note.Len() < 1<<20; i++ {
		fmt.Fprintf(&note, "第 %d 次拜访：王小明（方卓电器）说单价 %d.5 元，电话1381234%04d，", i, i%90, i%10000)
	}
	m, in, masked := maskJSON(t, "王小明", note.String())
	for _, v := range []string{"小明", "方卓", "1381234"} {
		if strings.Contains(masked, v) {
			t.Errorf("%s is left", v)
		}
	}
	if m.RestoreJSON(string(m.Input())) != in {
		t.Error("it does not come back")
	}
}
