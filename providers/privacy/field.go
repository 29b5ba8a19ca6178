package privacy

import (
	"strings"
	"unicode"
)

// fields are the names of members whose values are masked, by kind; folded, and
// without what the last rules of fieldKind take off.
var fields = map[Kind]string{ //nolint:gosec // names of members, no credentials
	Client: `customer client buyer purchaser consumer prospect lead enduser account debtor payer payee shipper consignee
		客户 买方 卖方 甲方 乙方 需方 供方 采购方 签约方 对方 收货方 付款方 客户全称 客户简称 买家 终端客户 最终用户 用户单位 抬头 开票抬头 发票抬头`,
	Company: `company organization organisation employer supplier vendor manufacturer partner distributor reseller competitor rival firm
		enterprise corporation subsidiary brandowner agency contractor
		公司 企业 单位名称 客户单位 工作单位 供应商 厂商 厂家 竞争对手 对手 竞争者 友商 合作伙伴 代理商 经销商 渠道商 机构 组织 公司全称 公司简称 企业全称 单位全称`,
	Person: `contact person people seller salesperson salesman salesrep sales rep owner manager member participant attendee recipient sender
		signatory signer signedby representative author reporter assignee handler operator employee staff colleague stakeholder decisionmaker
		decisionchain firstname lastname fullname givenname surname familyname middlename nickname legalperson purchasemanager contactperson
		accountmanager createdby updatedby approvedby approver applicant engineer boss ceo director technician visitor user buyercontact
		联系人 联络人 姓名 人名 名字 销售 销售员 销售人员 业务员 负责人 对接人 经办人 法人 法定代表人 法人代表 代表人 签署人 签约人 参会人 参会人员 与会人员 参加人
		收件人 寄件人 收货人 发货人 客户经理 成员 决策人 决策链 决策者 经手人 跟进人 创建人 审批人 申请人 记录人 汇报人 主管 采购员 采购人 采购经理 采购负责人 技术负责人
		接口人 关键人 委托人 担保人 陪同人员 拜访人 受访人 员工 人员 同事 老板 称呼`,
	Project: `project opportunity deal projecttitle opportunitytitle 项目 商机 商机标题 项目标题 工程名称 标段`,
	Address: `address addr street location deliveryaddress shippingaddress billingaddress shipto billto domicile residence
		地址 住址 收货地址 送货地址 所在地 注册地址 办公地址 通讯地址 详细地址 地点 住所`,
	Phone:      `phone mobile tel telephone cell cellphone fax hotline phonenumber mobilephone 电话 手机 手机号 手机号码 联系电话 电话号码 传真 座机 联系方式 热线 固话 电话号`,
	Email:      `email mail emailaddress mailbox 邮箱 电子邮箱 邮件地址 电子邮件`,
	Handle:     `wechat weixin qq whatsapp skype telegram wechatid weixinid 微信 微信号 qq号 qq群 账户名 用户名 username login`,
	ResidentID: `idcard idnumber residentid identitycard idcardnumber nationalid ssn 身份证 身份证号 身份证号码 证件号 证件号码`,
	BankCard:   `bankaccount accountnumber iban bankcard cardnumber accountno 账号 帐号 银行账号 银行帐号 银行账户 银行卡 银行卡号 卡号 收款账号 对公账号`,
	CreditCode: `taxid taxnumber creditcode uscc vat vatnumber taxno 税号 统一社会信用代码 社会信用代码 信用代码 纳税人识别号 营业执照号`,
	Plate:      `plate platenumber licenseplate 车牌 车牌号 车牌号码`,
	Passport:   `passport passportnumber 护照 护照号 护照号码`,
	Link:       `url website homepage domain 网址 官网 网站 域名`,
	Host:       `ip ipaddress hostname hostip`,
	Secret:     `password passwd pwd secret token apikey accesskey secretkey privatekey credential authorization 密码 口令 密钥 秘钥 私钥 令牌 授权码 验证码`,
}

// kindsByField is fields, turned round.
var kindsByField = func() map[string]Kind {
	m := map[string]Kind{}
	for kind, names := range fields {
		for name := range strings.FieldsSeq(names) {
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
