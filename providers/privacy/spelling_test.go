package privacy

import (
	"encoding/json"
	"testing"
)

// spelled are the kinds whose values have spellings of their own.
var spelled = []Kind{Client, Company, Person, Project, Address, Phone, Email, Handle}

func TestNamesOfNothingHaveNoSpellings(t *testing.T) {
	for _, value := range []string{",", ", ,", "\ufeff", "\u200b,\u2028", "  ", "（）", "()", "."} {
		for _, kind := range spelled {
			spellings(value, kind)
		}
		if got := companySpellings(fold(value).text); value == "," && got != nil {
			t.Errorf("%q: got %q", value, got)
		}
		in, err := json.Marshal(map[string]string{"customer": value, "contact": value, "notes": "张伟来电"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Key: []byte("k")}, in); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func FuzzSpellings(f *testing.F) {
	for _, seed := range []string{",", "\ufeff", "上海三月塑料有限公司", "深圳市龙岗区某某镇科技", "Shanghai Foo Co., Ltd.", "Dr. A", "王总", "（集团）", "li@a.cn", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, value string) {
		for _, kind := range spelled {
			spellings(value, kind)
		}
	})
}
