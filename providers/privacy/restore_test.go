package privacy

import (
	"encoding/json"
	"strings"
	"testing"
)

// contact returns a mask that knows 王小明 and a company, and their tokens.
func contact(t testing.TB) (m *Mask, person, company string) {
	t.Helper()
	m, err := New(Options{Key: []byte("k")}, json.RawMessage(`{"contact":"王小明","company":"Müller \"Nord\" GmbH"}`))
	if err != nil {
		t.Fatal(err)
	}
	var in map[string]string
	if err := json.Unmarshal(m.Input(), &in); err != nil {
		t.Fatal(err)
	}
	return m, in["contact"], in["company"]
}

func TestRestoreIsTolerant(t *testing.T) {
	m, person, company := contact(t)
	id := strings.TrimPrefix(person, "联系人_")
	for _, c := range []struct{ name, text, want string }{
		{"as it is", "问" + person + "。", "问王小明。"},
		{"in brackets", "⟦" + person + "⟧3 件", "王小明3 件"},
		{"in small letters", "联系人_" + strings.ToLower(id), "王小明"},
		{"full width", "联系人＿" + id, "王小明"},
		{"a space", "联系人 " + id + " 说", "王小明 说"},
		{"nothing between", "联系人" + id + "说", "王小明说"},
		{"escaped for Markdown", `联系人\_` + id, "王小明"},
		{"translated", "PERSON_" + id + " agreed", "王小明 agreed"},
		{"possessive", company + "'s order", `Müller "Nord" GmbH's order`},
		{"plural", company + "s", `Müller "Nord" GmbHs`},
		{"a spelling that there is none of", person + "v9", "王小明v9"},
		{"a longer number is another token", "联系人_" + id + "7", "联系人_" + id + "7"},
		{"another kind is another token", "PHONE_" + id, "PHONE_" + id},
	} {
		if got := m.Restore(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRestoreInsideJSON(t *testing.T) {
	m, person, company := contact(t)
	id := strings.TrimPrefix(person, "联系人_")
	answer := m.RestoreJSON(`{"a":"` + company + `","b":"\u8054\u7cfb\u4eba_` + id + `","c":"x\n` + company + `"}`)
	var got map[string]string
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	if want := `Müller "Nord" GmbH`; got["a"] != want || got["b"] != "王小明" || got["c"] != "x\n"+want {
		t.Errorf("got %q", got)
	}
}

func TestUnknownTokensAreToldAndKept(t *testing.T) {
	m, _, _ := contact(t)
	const answer = `{"who":"联系人_Z00 and COMPANY_Q123"}`
	if got := m.RestoreJSON(answer); got != answer {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(m.Unknown(), " "); got != "联系人_Z00 COMPANY_Q123" {
		t.Errorf("unknown: %s", got)
	}
}

func TestStreamLosesNothing(t *testing.T) {
	m, person, company := contact(t)
	answer := `{"a":"问⟦` + person + `⟧3，` + company + ` 联系人_Z99 ⟦x 联系`
	want := m.RestoreJSON(answer)
	for cut := 1; cut < len(answer); cut++ {
		s := m.Stream()
		got := ""
		for rest := answer; rest != ""; {
			n := min(cut, len(rest))
			got += s.Write(rest[:n])
			rest = rest[n:]
		}
		if got += s.Close(); got != want {
			t.Fatalf("pieces of %d bytes: %q, want %q", cut, got, want)
		}
	}
}

func TestTokensAreStable(t *testing.T) {
	m, person, _ := contact(t)
	again, same, _ := contact(t)
	if person != same || string(m.Input()) != string(again.Input()) {
		t.Errorf("%s, then %s", m.Input(), again.Input())
	}
	other, err := New(Options{Key: []byte("other")}, json.RawMessage(`{"contact":"王小明","note":"`+person+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if other.Restore(string(other.Input())) != `{"contact":"王小明","note":"`+person+`"}` {
		t.Errorf("a token in the input: %s", other.Input())
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{"王总2026年来电13812345678", "⟦张伟⟧3", "联系人_A12 张伟", "\xff张经理\xfe", "li@a.cn李工", "客户 K71,A 12"} {
		f.Add(seed, "王小明")
	}
	f.Fuzz(func(t *testing.T, note, name string) {
		in, err := encode(map[string]string{"contact": name, "notes": note})
		if err != nil {
			t.Skip()
		}
		m, err := New(Options{Key: []byte("k")}, in)
		if err != nil {
			t.Skip()
		}
		var want, got map[string]string
		if json.Unmarshal(in, &want) != nil || json.Unmarshal([]byte(m.RestoreJSON(string(m.Input()))), &got) != nil {
			t.Fatalf("not JSON: %s", m.Input())
		}
		if got["notes"] != want["notes"] || got["contact"] != want["contact"] {
			t.Fatalf("masked %s\ngot  %q\nwant %q", m.Input(), got, want)
		}
	})
}

func FuzzStream(f *testing.F) {
	m, person, company := contact(f)
	f.Add(person+company+"⟦"+person+"⟧", 3)
	f.Add(`\u8054\u7cfb\u4eba_`, 1)
	f.Fuzz(func(t *testing.T, answer string, cut int) {
		if cut < 1 || cut > 100 {
			t.Skip()
		}
		want, s, got := m.RestoreJSON(answer), m.Stream(), ""
		for rest := answer; rest != ""; {
			n := min(cut, len(rest))
			got += s.Write(rest[:n])
			rest = rest[n:]
		}
		if got += s.Close(); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
