package store

import "testing"

func TestAScriptHasWhatItUsesOfThePrelude(t *testing.T) {
	const prelude = `-- About all of it: unused().

local a, b = 1, 2 -- c
local unrelated

-- unused is not used.
local function unused() return other end

local function inner() return a end

local function outer()
  return inner()
end`
	for body, want := range map[string]string{
		"return 1":             "return 1",
		"-- outer\nreturn 1":   "-- outer\nreturn 1",
		"return b":             "local a, b = 1, 2 -- c\nlocal unrelated\n\nreturn b",
		"return outer()":       "local a, b = 1, 2 -- c\nlocal unrelated\n\nlocal function inner() return a end\n\nlocal function outer()\n  return inner()\nend\n\nreturn outer()",
		"return text('outer')": "local a, b = 1, 2 -- c\nlocal unrelated\n\nlocal function inner() return a end\n\nlocal function outer()\n  return inner()\nend\n\nreturn text('outer')",
	} {
		if got := withPrelude(prelude, body); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", body, got, want)
		}
	}
}
