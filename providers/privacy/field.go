package privacy

import (
	"strings"
	"unicode"
)

// kindsByField leads from the name of a member to the kind of its values; names
// are folded, and without what the last rules of fieldKind take off.
var kindsByField = func() map[string]Kind {
	m := map[string]Kind{}
	for kind := range labels {
		for _, name := range all("fields_" + string(kind)) {
			m[name] = kind
		}
	}
	return m
}()

// fieldKind returns what a member's values are, by its name, "" when the name
// says nothing. A name counts by its last words: primary_contact is a contact,
// contact_date is none.
func fieldKind(name string) Kind {
	words := nameWords(name)
	for len(words) > 1 && isTail(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	for i := range words {
		key := strings.Join(words[i:], "")
		for _, form := range []string{key, strings.TrimSuffix(key, "s"), strings.TrimSuffix(key, "ies") + "y",
			strings.TrimRight(key, "0123456789"), strings.TrimSuffix(key, "名称"), strings.TrimSuffix(key, "姓名"), strings.TrimSuffix(key, "名"), strings.TrimSuffix(key, "列表")} {
			if kind, ok := kindsByField[form]; ok {
				return kind
			}
		}
	}
	return hanFieldKind(words[len(words)-1])
}

// hanFieldKind judges a Chinese name by how it ends.
func hanFieldKind(name string) Kind {
	if name == "" || !isHan(lastRune(name)) {
		return ""
	}
	for _, tail := range []string{"名称", "姓名", "名"} {
		name = strings.TrimSuffix(name, tail)
	}
	for i := range name {
		if kind, ok := kindsByField[name[i:]]; ok && i > 0 {
			return kind
		}
	}
	return ""
}

func isTail(word string) bool {
	switch word {
	case "name", "names", "list", "info", "title", "full", "short", "alias", "cn", "en", "zh", "value", "text":
		return true
	}
	return false
}

// isNameField reports whether a member names the object that it is a member of.
func isNameField(name string) bool {
	switch strings.Join(nameWords(name), "") {
	case "name", "names", "fullname", "shortname", "alias", "cnname", "enname", "nickname", "title",
		"名称", "姓名", "名字", "全称", "简称", "别名", "名":
		return true
	}
	return false
}

// nameWords splits a member's name at its separators and capitals.
func nameWords(name string) []string {
	var words []string
	var b strings.Builder
	lower := false
	flush := func() {
		if b.Len() > 0 {
			words = append(words, b.String())
			b.Reset()
		}
	}
	for _, r := range fold(name).text {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			flush()
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	flush()
	if len(words) == 0 {
		return []string{""}
	}
	return words
}

// isQuantity reports whether a member holds an amount or the like, so that its
// number is kept whatever it looks like.
func isQuantity(name string) bool {
	for _, w := range nameWords(name) {
		switch strings.TrimSuffix(w, "s") {
		case "amount", "price", "total", "qty", "quantity", "sum", "revenue", "budget", "cost", "value", "count", "tonnage", "volume",
			"weight", "capital", "sale", "turnover", "profit", "balance", "fee", "time", "timestamp", "at", "date", "score", "rate", "target":
			return true
		}
		for _, part := range []string{"金额", "价", "额", "量", "数", "预算", "成本", "资本", "利润", "费", "时间", "日期", "营收"} {
			if strings.HasSuffix(w, part) {
				return true
			}
		}
	}
	return false
}
