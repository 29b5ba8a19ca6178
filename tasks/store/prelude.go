package store

import (
	"regexp"
	"slices"
	"strings"
)

var (
	luaComment     = regexp.MustCompile(`(?m)--.*$`)
	luaDeclaration = regexp.MustCompile(`(?m)^local (?:function )?(\w+(?:, *\w+)*)`)
	luaWord        = regexp.MustCompile(`[A-Za-z_]\w*`)
)

// withPrelude returns a script that begins with what it uses of a prelude: Redis makes
// each function of a script anew for each call. The paragraphs of a prelude are
// separated by blank lines; one is used if the script, or a paragraph that is used,
// names something that it declares.
func withPrelude(prelude, body string) string {
	parts, used := []string{body}, map[string]bool{}
	use := func(text string) {
		for _, word := range luaWord.FindAllString(text, -1) {
			used[word] = true
		}
	}
	use(luaComment.ReplaceAllString(body, ""))
	for _, paragraph := range slices.Backward(strings.Split(prelude, "\n\n")) {
		code := luaComment.ReplaceAllString(paragraph, "")
		for _, declared := range luaDeclaration.FindAllStringSubmatch(code, -1) {
			if slices.ContainsFunc(strings.Split(declared[1], ","), func(name string) bool { return used[strings.TrimSpace(name)] }) {
				parts = append(parts, paragraph)
				use(code)
				break
			}
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, "\n\n")
}
