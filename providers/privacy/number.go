package privacy

import (
	"regexp"
	"strings"
	"time"
)

// The precedence of spans that overlap: what is named first decides the kind.
const (
	rankDictionary = iota
	rankNumber
	rankShape
	rankContext
)

// group is a run of digits.
type group struct{ start, end int }

// maxGroups is in how many pieces a number may be written.
const maxGroups = 11

// numbers finds the numbers that prove what they are: by check digits, or by
// their form. It scans by hand, because a number's neighbours decide.
func numbers(f *folded) []span {
	var spans []span
	gs := groups(f.text)
	for i := 0; i < len(gs); i++ {
		for n := joined(f, gs[i:]); n > 0; n-- {
			first, last := gs[i], gs[i+n-1]
			start, end, kind := number(f, gs[i:i+n])
			if kind == "" {
				continue
			}
			spans = append(spans, f.source(min(start, first.start), max(end, last.end), kind, rankNumber))
			i += n - 1
			break
		}
	}
	return spans
}

// groups lists the runs of digits in a text.
func groups(s string) []group {
	var gs []group
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			continue
		}
		g := group{start: i}
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		g.end = i
		gs = append(gs, g)
	}
	return gs
}

// joined is how many of the groups may be pieces of one number: what comes
// between them is a dash, a bracket, or a space or two.
func joined(f *folded, gs []group) int {
	n := 1
	for n < min(len(gs), maxGroups) && isGap(f.text[gs[n-1].end:gs[n].start]) {
		n++
	}
	return n
}

func isGap(s string) bool {
	if len(s) > 3 {
		return false
	}
	return strings.Trim(s, " -().") == ""
}

// number reports what the groups are together, and where it begins and ends.
func number(f *folded, gs []group) (start, end int, kind Kind) {
	start, end = gs[0].start, gs[len(gs)-1].end
	var b strings.Builder
	dots := 0
	for i, g := range gs {
		b.WriteString(f.text[g.start:g.end])
		if i > 0 && strings.Contains(f.text[gs[i-1].end:g.start], ".") {
			dots++
		}
	}
	digits := b.String()
	if end < len(f.text) && (f.text[end] == 'x' || f.text[end] == 'X') && len(digits) == 17 && !isASCIIWord(f.after(end+1)) {
		digits += "X"
		end++
	}
	if !standalone(f, start, end) {
		return 0, 0, ""
	}
	if dots == 0 && (len(digits) == 18 || len(gs) == 1) && residentID(digits) {
		return start, end, ResidentID
	}
	if k := phone(f, gs, digits, start); k >= 0 && !isAmount(f, start, end) {
		return k, extension(f, end), Phone
	}
	if dots == 0 && bankCard(digits, len(gs)) && !isAmount(f, start, end) {
		return start, end, BankCard
	}
	return 0, 0, ""
}

var callWords = regexp.MustCompile(`(?i)(?:^|[^a-z])(tel|t|m|mob|mobile|phone|ph|cell|fax|f|p|call|wx|vx|wechat|whatsapp|id|no|to)$`)

// standalone reports whether digits are a number by themselves, and no piece of a
// code or of a longer number.
func standalone(f *folded, i, j int) bool {
	if isASCIIWord(f.after(j)) && !isExtension(f.lower[j:]) {
		return false
	}
	if r := f.after(j); (r == '-' || r == '.' || r == '/') && j+1 < len(f.text) && isASCIIWord(rune(f.text[j+1])) && !isExtension(f.lower[j:]) {
		return r == '/' || r == '.' && !isDigit(f.text[j+1])
	}
	r := f.before(i)
	if r == '_' || r == '.' && i > 1 && isDigit(f.text[i-2]) || r == '-' && i > 1 && isASCIIWord(rune(f.text[i-2])) {
		return false
	}
	return !isASCIIWord(r) || callWords.MatchString(f.text[max(0, i-9):i])
}

var (
	unitBehind = regexp.MustCompile(`^ ?(?:元|万|亿|吨|件|台|套|个|只|箱|公斤|千克|kg|克|米|人|次|座|席|RMB|CNY|USD|EUR|%|％|片|pcs|平方|小时|立方|股|桶|袋|卷|块|美元|欧元|PCS)`)
	moneyAhead = regexp.MustCompile(`(?:[¥￥$€£]|RMB|CNY|USD|EUR|金额|总价|合计|单价|预算|金额为|数量)[:： 为是约]*$`)
)

// amount is a text that counts something, or a date.
var amount = regexp.MustCompile(`^(?:[¥￥$€£]|RMB|CNY|USD|EUR)? ?\d[\d,.]* ?(?:元|万|亿|吨|件|台|套|个|只|箱|公斤|千克|kg|克|米|人|次|%|％|天|周|月|年|日|号|小时|美元|欧元|pcs|PCS)*$|^\d{1,4}[-/.年]\d{1,2}`)

// isAmount reports whether a number counts something.
func isAmount(f *folded, i, j int) bool {
	return unitBehind.MatchString(f.text[j:]) || moneyAhead.MatchString(f.text[max(0, i-24):i])
}

// phone returns where the phone number that the groups are begins, or -1.
func phone(f *folded, gs []group, digits string, start int) int {
	sizes := make([]byte, len(gs))
	for i, g := range gs {
		sizes[i] = '0' + byte(min(g.end-g.start, 20)) //nolint:gosec // a small number
	}
	form := string(sizes)
	if start > 0 && f.text[start-1] == '+' && len(digits) >= 8 && len(digits) <= 15 {
		return start - 1
	}
	bare, code := digits, ""
	for _, c := range []string{"0086", "86", "0"} {
		if rest, ok := strings.CutPrefix(digits, c); ok && len(rest) >= 10 {
			bare, code = rest, c
			break
		}
	}
	opens := start
	if start > 0 && f.text[start-1] == '(' {
		opens = start - 1
	}
	switch {
	case code != "0" && isMobile(bare) && (code != "" || mobileForms[form]), code == "0" && isMobile(bare) && len(gs) <= 2:
		return opens
	case landline(digits, form), taiwan(digits, form), american(f, gs, digits, form, opens < start):
		return opens
	case strings.HasPrefix(digits, "86") && landline("0"+digits[2:], "") && len(gs) > 1, code == "86" && landline(bare, "") && len(gs) > 1:
		return opens
	case (strings.HasPrefix(digits, "400") || strings.HasPrefix(digits, "800")) && len(digits) == 10 && serviceForms[form]:
		return opens
	}
	return -1
}

var (
	mobileForms  = setOf(strings.Fields("; 344 38 74 434 443 335 3332 3323 3233 56 65 47 353 3422 34211 3224 33311 11111111111"))
	serviceForms = setOf(strings.Fields(": 37 334 343 64 3322 3232"))
)

func isMobile(digits string) bool {
	return len(digits) == 11 && digits[0] == '1' && digits[1] >= '3'
}

// landline reports whether digits begin with an area code of China and go on as
// a number of its network does. In one piece they are taken for one only where
// the area code is known to go with that length.
func landline(digits, form string) bool {
	if len(digits) < 10 || len(digits) > 12 || digits[0] != '0' || digits[1] == '0' {
		return false
	}
	area := 4
	if digits[1] == '1' && digits[2] == '0' || digits[1] == '2' {
		area = 3
	}
	local := digits[area:]
	if local == "" || local[0] < '2' {
		return false
	}
	return (len(local) == 8 || len(local) == 7 && area == 4) && (len(form) < 2 || form[0] != '1' && form[0] != '2')
}

// taiwan reports whether digits are a number of Taiwan's networks, of which the
// code is a word of its own.
func taiwan(digits, form string) bool {
	switch {
	case strings.HasPrefix(digits, "09"):
		return form == "433" || form == "46"
	case len(digits) > 1 && digits[0] == '0' && digits[1] >= '2' && digits[1] <= '8':
		return form == "244" || form == "28" || form == "234" && digits[1] != '2'
	}
	return false
}

// american reports whether digits are a number of North America's network: with
// its code in brackets, or in pieces with a dash between them.
func american(f *folded, gs []group, digits, form string, bracket bool) bool {
	if rest, ok := strings.CutPrefix(digits, "1"); ok && form == "1334" {
		digits, form, gs = rest, "334", gs[1:]
	}
	if form != "334" || digits[0] < '2' || digits[3] < '2' {
		return false
	}
	dashes := f.text[gs[0].end:gs[1].start] == "-" && f.text[gs[1].end:gs[2].start] == "-"
	return bracket || dashes
}

var extensionForm = regexp.MustCompile(`^ ?(?:-|/|转|分机|ext\.?|x|#)[ :：]?(\d{1,6})`)

func isExtension(s string) bool { return extensionForm.MatchString(s) }

// extension returns the end of a phone number with its extension.
func extension(f *folded, end int) int {
	m := extensionForm.FindStringIndex(f.lower[end:])
	if m == nil || isASCIIWord(f.after(end+m[1])) {
		return end
	}
	return end + m[1]
}

// residentID checks a number of a Chinese resident identity card, of 18 or, from
// former times, 15 characters: region, date of birth, check digit by ISO 7064
// MOD 11-2.
func residentID(s string) bool {
	if len(s) != 18 && len(s) != 15 || s[0] < '1' || s[0] > '8' || s[:2] < "11" || s[1] > '7' {
		return false
	}
	if len(s) == 15 {
		_, err := time.Parse("060102", s[6:12])
		return err == nil
	}
	if born, err := time.Parse("20060102", s[6:14]); err != nil || born.Year() < 1900 || born.Year() > 2100 {
		return false
	}
	return s[17] == checkMod11(s[:17])
}

func checkMod11(s string) byte {
	sum := 0
	for i, weight := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * weight
	}
	return "10X98765432"[sum%11]
}

// bankCard checks a card number: length, first digit and Luhn's check digit. A
// number in one piece that begins like a date is an order number.
func bankCard(s string, pieces int) bool {
	if len(s) < 16 && !strings.HasPrefix(s, "34") && !strings.HasPrefix(s, "37") || len(s) < 15 || len(s) > 19 ||
		s[0] < '3' || s[0] > '6' && s[0] != '9' || pieces > 1 && pieces < 3 {
		return false
	}
	sum := 0
	for i := range len(s) {
		if !isDigit(s[len(s)-1-i]) {
			return false
		}
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// creditCode checks a unified social credit code (GB 32100), modulo 31.
func creditCode(s string) bool {
	if len(s) != 18 {
		return false
	}
	sum, weight := 0, 1
	for i := range 17 {
		v := strings.IndexByte(creditAlphabet, s[i])
		if v < 0 {
			return false
		}
		sum += v * weight
		weight = weight * 3 % 31
	}
	return strings.IndexByte(creditAlphabet, s[17]) == (31-sum%31)%31
}
