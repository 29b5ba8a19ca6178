package privacy

import "unicode"

// Kind is a kind of value that is masked. The values are stable: jobs count by
// them.
type Kind string

// The kinds.
const (
	Client     Kind = "client"
	Company    Kind = "company"
	Person     Kind = "person"
	Project    Kind = "project"
	Address    Kind = "address"
	Phone      Kind = "phone"
	Email      Kind = "email"
	ResidentID Kind = "resident_id"
	BankCard   Kind = "bank_card"
	CreditCode Kind = "credit_code"
	Plate      Kind = "plate"
	Passport   Kind = "passport"
	Link       Kind = "link"
	Host       Kind = "host"
	Secret     Kind = "secret"
	Handle     Kind = "handle"    // WeChat, QQ and the like
	Reference  Kind = "reference" // numbers of invoices
)

// label is what a model reads in place of a value. It names the kind, since a
// model reasons better about things whose kind it knows, and frightens none
// into a refusal.
type label struct{ zh, en string }

var labels = map[Kind]label{
	Client:     {"客户", "CLIENT"},
	Company:    {"公司", "COMPANY"},
	Person:     {"联系人", "PERSON"},
	Project:    {"项目", "PROJECT"},
	Address:    {"地址", "ADDRESS"},
	Phone:      {"电话", "PHONE"},
	Email:      {"邮箱", "EMAIL"},
	ResidentID: {"编号", "REF"},
	BankCard:   {"账户", "ACCOUNT"},
	CreditCode: {"代码", "CODE"},
	Plate:      {"车牌", "PLATE"},
	Passport:   {"证件", "DOCUMENT"},
	Link:       {"链接", "LINK"},
	Host:       {"主机", "HOST"},
	Secret:     {"参数", "ITEM"},
	Handle:     {"账号", "HANDLE"},
	Reference:  {"单号", "NUMBER"},
}

// written returns the label for a value: in Chinese for values with Chinese in
// them, so that it fits its sentence.
func (k Kind) written(value string) string {
	for _, r := range value {
		if isHan(r) {
			return labels[k].zh
		}
	}
	return labels[k].en
}

func isHan(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && unicode.Is(unicode.Han, r)
}
