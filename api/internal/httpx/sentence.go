package httpx

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/topcentral/spillway/tasks"
)

// sentence returns an error text as a sentence: errors in Go begin in lower case
// and have no full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if last, _ := utf8.DecodeLastRuneInString(text); !strings.ContainsRune(".!?…。", last) {
		text += "."
	}
	return text
}

// predicates are the words with which a fault begins that says something about
// the value at its pointer, as "is required".
var predicates = []string{
	"are", "begins", "cannot", "does", "ends", "has", "holds", "is", "leads", "leaves", "may", "must", "names", "needs", "resolves", "was",
}

// faultSentence returns a fault whose detail is a sentence, with the name of the
// value as its subject.
func faultSentence(f tasks.Fault) tasks.Fault {
	first, _, _ := strings.Cut(f.Detail, " ")
	switch {
	case first == "not":
		f.Detail = subject(f.Pointer) + " is " + f.Detail
	case slices.Contains(predicates, first):
		f.Detail = subject(f.Pointer) + " " + f.Detail
	}
	f.Detail = sentence(f.Detail)
	return f
}

// subject names the value at a JSON Pointer.
func subject(pointer string) string {
	slash := strings.LastIndexByte(pointer, '/')
	if slash < 0 {
		return "The body"
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(pointer[slash+1:])
	if _, err := strconv.Atoi(name); err == nil {
		return "This item"
	}
	return strconv.Quote(name)
}
