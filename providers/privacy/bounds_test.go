package privacy

import (
	"slices"
	"strings"
	"testing"
)

// TestOddTextsComeBack masks long texts of one piece repeated, on which a search
// that looks back too far would not end.
func TestOddTextsComeBack(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{
		"张伟明来电，", "王小明说", "13812345678 ", "浙江省宁波市", "a", "1 ", "12-", "的有限公司", "Acme ", "微信", "⟦", "联系人_",
		"John Smith ", "路1号", " ", "有限公司", "( ", "@.", "a@b.c", "\\u5ba2", "\"", "1.", "0",
		"、", "王总、", "姓", "·中", "Xu, ", "Mr. ", "公司", "省市区", "8, ", "1-", "厦1",
	} {
		note := strings.Repeat(piece, 5_000/len(piece))
		m, got := maskNote(t, note)
		if back := m.Restore(got); back != note {
			t.Errorf("%q repeated does not come back", piece)
		}
		if err := m.Check(string(m.Input())); err != nil {
			t.Errorf("%q repeated: %v", piece, err)
		}
	}
}

// TestAListEndsAtTheNextHeading finds the persons of lists that follow one another
// without a mark between them, and reads none of them again for each heading.
func TestAListEndsAtTheNextHeading(t *testing.T) {
	t.Parallel()
	const text = "出席--张伟、李娜,缺席--王芳、赵强"
	var got []string
	for _, s := range language().rosters(fold(text), nil) {
		got = append(got, text[s.start:s.end])
	}
	if want := []string{"张伟", "李娜", "王芳", "赵强"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	const lists = 200
	if n := len(language().rosters(fold(strings.Repeat("出席--张伟、李娜,", lists)), nil)); n != 2*lists {
		t.Errorf("got %d persons of %d lists, want two of each", n, lists)
	}
}
