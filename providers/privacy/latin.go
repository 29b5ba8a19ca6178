package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	latinTitled = regexp.MustCompile(`\b(?:(?:Mr|Mrs|Ms|Herr|Frau|Mme|Monsieur|Madame|Senor|Senora|Sig|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Engineer|Attn|ATTN|Dear|Hi|Hello|Regards|Sincerely|Contact|contact|Cc|attention|Attention)[.,:]*\s{1,2})+([A-Z][\p{Latin}'-]+(?:[ ](?:[A-Z]\.|van|von|de|der|da|bin|al|el|la|di)[ ]?)*(?:[ ][A-Z][\p{Latin}'-]+){0,2})`)
	latinPair   = regexp.MustCompile(`[A-Z][\p{Latin}'-]+(?:[ ](?:[A-Z]\.|van|von|de|der|da|bin|al|el|la|di))*(?:[ ][A-Z][\p{Latin}'-]+){1,2}`)
	pinyin      = regexp.MustCompile(`^(?i:(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|uang|iong|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ui|ao|ou|iu|ie|ue|ve|er|an|en|in|un|ia|ua|uo|a|o|e|i|u|v)['-]?){1,3})$`)
)

var givenNames = setOf(strings.Fields(`james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald steven paul andrew joshua
	kenneth kevin brian george timothy ronald edward jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander raymond patrick jack dennis jerry
	tyler aaron jose adam nathan henry douglas zachary peter kyle ethan walter noah jeremy christian keith roger terry austin sean gerald carl harold dylan arthur lawrence jordan jesse bryan billy bruce gabriel joe
	logan alan juan albert willie elijah wayne randy vincent mason kelvin siobhan tomasz pieter hans-peter karl otto uwe jens dirk bernd frank ralf axel anke heike petra birgit ingrid astrid karin monika katrin pavel petr jan piotr andrzej krzysztof agnieszka marta mateusz jakub fabio stefano roberto francesca chiara elena alberto fernando ricardo eduardo joao rafael camila valentina mariana mehmet mustafa ayse emre yusuf ibrahim khalid abdul aisha layla hamid reza sven nils astrid freya conor sean liam aoife niamh gareth rhys nigel graham trevor barry clive stuart duncan alastair rajesh suresh ramesh anita sunita kavita neha pooja deepa kumar yoko naoko keiko satoshi makoto daisuke kazuki minh nguyen linh thanh roy ralph bobby russell bradley philip eugene mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra
	margaret ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley brenda emma anna pamela nicole samantha katherine
	christine helen debra rachel carolyn janet maria catherine heather diane olivia julie joyce victoria ruth virginia lauren kelly christina joan evelyn judith andrea hannah megan cheryl jacqueline martha
	madison teresa gloria sara janice ann kathryn abigail sophia frances jean alice judy isabella julia grace denise amber danielle marilyn beverly charlotte natalie theresa diana brittany doris kayla alexis lori
	tony tom bob bill jim mike dave steve chris matt dan tim alex max leo lucas oliver simon martin klaus hans jurgen wolfgang stefan andreas thorsten ulrich dieter heinz gunter pierre jean-luc francois marie sophie
	luca marco giovanni paolo carlos luis miguel pedro antonio francisco javier diego ivan sergei dmitri olga natasha vladimir mikhail ahmed mohammed muhammad ali omar fatima hassan yuki kenji hiroshi takeshi akira
	haruto sakura minjun jiho raj priya amit rahul sanjay anil vijay deepak ravi sunil arjun lucy lily cindy wendy vivian jenny jane rose ivy coco eva elena nina vera zoe chloe ella mia ava lena sven lars erik bjorn
	allen andy bella carrie cathy daisy derek eddie elaine ellen felix fiona freddy gavin harry howard ian iris jackie jacky jay jeff jessie johnny joey josh kate kathy ken kitty lance leon liam lydia mandy marcus may mindy
	monica morgan nick owen rita robin rocky ron rosa ross ruby sally sam sandy sandra shelly sherry sonia stella sunny susie sylvia ted tina tracy vicky victor winnie yvonne`))

var pinyinSurnames = setOf(strings.Fields(`wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng xie han tang feng yu dong xiao cheng cao yuan deng fu shen zeng peng lu su jiang cai jia ding wei xue ye yan pan du dai xia zhong tian ren fan fang shi yao liao zou xiong jin hao kong bai cui kang mao qiu qin gu hou shao meng long wan duan lei qian yin lai gong wen pang lan tao hong ouyang sima zhuge qi mei zhuang mo ge you geng mu qu bao`))

var notNames = setOf(strings.Fields(`Kong Purchase Order Sales Project General United Road Street Co Ltd Inc Limited Company Group Corporation Product Stage MacBook Please Dear Best Kind`))

// latinFirst are words that may be a first name by itself.
var latinFirst = regexp.MustCompile(`\b([A-Z][a-z]{2,11})\b`)

// notPersons are names that other things bear more often.
var notPersons = setOf(strings.Fields(`Jordan Austin Virginia Madison Charlotte Victoria Jackson Lincoln Chase Ruby Amber Crystal Iris Lily Rose Ivy Coco May Mark Max Tim Logan Mason Eva Leo Ray Van Sierra Dakota Sofia Paris Florence Carolina Georgia Diego Jose Jesse Dorothy Grant Gene Art Dale Glen Lane Reed Wade Marina Olive Sage Angel Felix Alpha Eden`))

// latinLeads are what latinTitled needs to be worth while, in lower case.
var latinLeads = strings.Fields(`mr ms miss mx dr prof sir madam engineer attn dear hi hello regards sincerely contact cc attention herr frau mme monsieur madame senor sig`)

// latinPeople finds names in Latin letters: behind a title, with a usual given
// name, or in pinyin.
func latinPeople(f *folded) []span {
	var spans []span
	if triggered(f.lower, latinLeads) {
		for _, m := range latinTitled.FindAllStringSubmatchIndex(f.text, -1) {
			if name := strings.Fields(f.text[m[2]:m[3]]); !notNames[name[0]] && !latinTitles[strings.ToLower(name[0])] {
				spans = append(spans, f.source(m[2], m[3], Person, rankContext))
			}
		}
	}
	for _, m := range latinPair.FindAllStringIndex(f.text, -1) {
		spans = append(spans, latinNames(f, m[0], m[1])...)
	}
	for _, s := range latinSure {
		if !triggered(f.text, s.trigger) {
			continue
		}
		for _, m := range s.form.FindAllStringSubmatchIndex(f.text, -1) {
			if name := f.text[m[2]:m[3]]; !notNames[name] && !leading[name] {
				spans = append(spans, f.source(m[2], m[3], Person, rankContext))
			}
		}
	}
	spans = append(spans, latinRoster(f)...)
	spans = append(spans, called(f)...)
	for _, m := range latinFirst.FindAllStringSubmatchIndex(f.text, -1) {
		if name := f.text[m[2]:m[3]]; givenNames[strings.ToLower(name)] && !commonWords[strings.ToLower(name)] && !notPersons[name] {
			spans = append(spans, f.source(m[2], m[3], Person, rankContext))
		}
	}
	return spans
}

// latinSure are forms that only names of persons have, each with what a text
// must hold for it.
var latinSure = []struct {
	trigger []string
	form    *regexp.Regexp
}{
	{[]string{"O'", "Mc", "Mac"}, regexp.MustCompile(`\b((?:O'|Mc|Mac)[A-Z][a-z]{2,})\b`)},
	{[]string{"poke ", "talk", "Talk", "chat", "Chat", " met ", "Met ", "eeting ", "peak "}, regexp.MustCompile(`(?:\b(?i:spoke|talked|chatted|met|meeting|speak|talk) (?:with|to) )([A-Z][a-z]{2,})\b`)},
}

// called finds Latin names that are spoken of as Chinese ones are: Coco姐, and
// Tony 王.
func called(f *folded) []span {
	var spans []span
	for i := 1; i < len(f.text); i++ {
		if f.text[i] < utf8.RuneSelf || !isASCIIWord(rune(f.text[i-1])) && f.text[i-1] != ' ' {
			continue
		}
		start, end := i, i
		for start > 0 && (isASCIIWord(rune(f.text[start-1])) || f.text[start-1] == ' ' && start == i) {
			start--
		}
		name := strings.TrimRight(f.text[start:i], " ")
		if len(name) < 3 || name[0] < 'A' || name[0] > 'Z' || strings.ToLower(name[1:]) != name[1:] || strings.ContainsAny(name, "0123456789") {
			continue
		}
		surname, sure := language().surname(f.text[i:])
		switch rest := f.text[i+len(surname):]; {
		case strings.HasSuffix(f.text[:i], " "):
			if !sure || isHan(firstRune(rest)) && !says(rest) && !strings.ContainsRune("把要在和跟给与已", firstRune(rest)) {
				continue
			}
			end = i + len(surname)
		case titleAt(f.text[i:]) == "" || strings.ContainsRune(goesOn[titleAt(f.text[i:])], f.after(i+len(titleAt(f.text[i:])))):
			continue
		}
		spans = append(spans, f.source(start, max(end, start+len(name)), Person, rankContext))
	}
	return spans
}

// latinHeading is what stands before a list of persons.
var latinHeading = regexp.MustCompile(`(?i)\b(?:attendees|participants|present|apologies|absent|invitees|attending|attended by)[ ]?: *([^\n;。]{3,300})`)

var latinHeadings = strings.Fields(`attend participants present apologies absent invitees`)

var (
	latinItem  = regexp.MustCompile(`^[A-Z][\p{Latin}'-]*\.?(?: [A-Z][\p{Latin}'-]*\.?){0,3}`)
	familyHead = regexp.MustCompile(`\b([A-Z][a-z]{1,5}), ([A-Z][a-z]{1,8})\b`)
)

// latinRoster finds the persons of a list behind its heading.
func latinRoster(f *folded) []span {
	var spans []span
	if !triggered(f.lower, latinHeadings) {
		return family(f)
	}
	for _, m := range latinHeading.FindAllStringSubmatchIndex(f.text, -1) {
		at := m[2]
		for part := range strings.SplitAfterSeq(f.text[m[2]:m[3]], ",") {
			lead := len(part) - len(strings.TrimLeft(part, " "))
			if name := strings.TrimRight(latinItem.FindString(part[lead:]), "."); len(name) > 2 && !notNames[name] {
				spans = append(spans, f.source(at+lead, at+lead+len(name), Person, rankContext))
			}
			at += len(part)
		}
	}
	return append(spans, family(f)...)
}

// family finds names in pinyin with the family's first and a comma behind it.
func family(f *folded) []span {
	var spans []span
	if !strings.Contains(f.text, ", ") {
		return nil
	}
	for _, m := range familyHead.FindAllStringSubmatchIndex(f.text, -1) {
		family, given := strings.ToLower(f.text[m[2]:m[3]]), strings.ToLower(f.text[m[4]:m[5]])
		if pinyinSurnames[family] && pinyin.MatchString(given) && !chineseCities[family] && !chineseCities[given] && !weekdays[given] {
			spans = append(spans, f.source(m[0], m[1], Person, rankContext))
		}
	}
	return spans
}

// latinNames looks for a name in a row of capitalized words.
func latinNames(f *folded, i, j int) []span {
	if unicode.IsLetter(f.before(i)) && !isHan(f.before(i)) {
		return nil
	}
	words := strings.Fields(f.text[i:j])
	at := i
	for k := 0; k+1 < len(words); k++ {
		start := at + strings.Index(f.text[at:j], words[k])
		at = start + len(words[k])
		if latinName(words[k], words[k+1]) {
			return []span{f.source(start, i+len(strings.TrimSuffix(f.text[i:j], "'s")), Person, rankContext)}
		}
	}
	return nil
}

func latinName(first, second string) bool {
	second = strings.TrimSuffix(second, "'s")
	a, b := strings.ToLower(first), strings.ToLower(second)
	if notNames[first] || notNames[second] || latinCompanyEndings[b] && b != "ag" {
		return false
	}
	if chineseCities[a+b] {
		return false
	}
	if head, _, _ := strings.Cut(a, "-"); givenNames[a] && !weekdays[b] || head != a && givenNames[head] {
		return true
	}
	return pinyinSurnames[a] && pinyin.MatchString(b) && !chineseCities[b] || pinyinSurnames[b] && pinyin.MatchString(a) && len(a) > 2 && !chineseCities[a]
}

var (
	weekdays      = setOf(strings.Fields(`monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december the and of project order`))
	chineseCities = setOf(strings.Fields(`beijing shanghai ningbo suzhou hangzhou wuxi nanjing guangzhou shenzhen hefei wuhu wuhan xian chengdu tianjin dalian qingdao jinan xiamen fuzhou changsha kunshan dongguan foshan jiangsu zhejiang anhui hubei hunan hebei henan fujian hainan yunnan sichuan shandong shanxi kong hai`))
)
