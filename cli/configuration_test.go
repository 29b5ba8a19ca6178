package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers/presets"
)

//go:generate go test . -run TestConfigurationPages -update

// settingLine is a line of a page's table of settings: names, default, meaning.
var settingLine = regexp.MustCompile("(?m)^\\| (`[A-Z_`, ]+`) \\| *(.*?) *\\| (.*) \\|\n")

// TestConfigurationPages compares the tables of settings in docs with what
// "spillway config" prints. With -update it writes the lines of the English page
// anew that differ; the Chinese meanings are written by hand.
func TestConfigurationPages(t *testing.T) {
	rows := settingRows(t)

	page, lines := settingLines(t, "../docs/configuration.md")
	var table strings.Builder
	for _, r := range rows {
		line := lines[r.name]
		if m := settingLine.FindStringSubmatch(line); m == nil || plain(m[2]) != r.preset || plain(m[3]) != r.meaning {
			line = r.line()
		}
		table.WriteString(line)
	}
	at := settingLine.FindAllStringIndex(page, -1)
	want := page[:at[0][0]] + table.String() + page[at[len(at)-1][1]:]
	if *update {
		if err := os.WriteFile("../docs/configuration.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if page != want {
		t.Errorf("docs/configuration.md is out of date: run go generate ./cli")
	}

	_, lines = settingLines(t, "../docs/configuration.zh.md")
	for _, r := range rows {
		m := settingLine.FindStringSubmatch(lines[r.name])
		switch {
		case m == nil:
			t.Errorf("docs/configuration.zh.md does not list %s: %s", r.name, r.meaning)
		case !r.clouds && plain(m[2]) != r.preset:
			t.Errorf("docs/configuration.zh.md: default of %s: got %q, want %q", r.name, plain(m[2]), r.preset)
		}
		delete(lines, r.name)
	}
	for name := range lines {
		t.Errorf("docs/configuration.zh.md lists %s, which is no setting", name)
	}
}

// settingLines returns a page, and the lines of its table of settings by name.
func settingLines(t *testing.T, file string) (page string, lines map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines = map[string]string{}
	for _, m := range settingLine.FindAllStringSubmatch(string(text), -1) {
		lines[plain(m[1])] = m[0]
	}
	if len(lines) == 0 {
		t.Fatalf("%s has no table of settings", file)
	}
	return string(text), lines
}

// settingRow is a line of the table as the code has it. The settings that every
// cloud has share one.
type settingRow struct {
	name, preset, meaning string
	clouds                bool
}

func (r settingRow) line() string {
	preset := ""
	switch {
	case r.preset == "":
	case r.clouds:
		preset = r.preset + " "
	default:
		preset = "`" + r.preset + "` "
	}
	return "| `" + strings.ReplaceAll(r.name, ", ", "`, `") + "` | " + preset + "| " + strings.ReplaceAll(r.meaning, "*", "`*`") + " |\n"
}

// settingRows lists the lines of the table in the order of "spillway config".
func settingRows(t *testing.T) []settingRow {
	t.Helper()
	all, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	var keys, urls, models []string
	for _, p := range presets.Clouds() {
		keys, urls, models = append(keys, p.KeyEnv), append(urls, config.ServiceEnv(p, "URL")), append(models, config.ServiceEnv(p, "MODEL"))
	}
	var rows []settingRow
	for _, s := range all {
		switch {
		case s.Name == keys[0]:
			rows = append(rows,
				settingRow{strings.Join(keys, ", "), "", "API key of each cloud; without it the cloud is not used", true},
				settingRow{strings.Join(urls, ", "), "the service's own", "its base URL, or one of the preset's short names, such as cn for a key from mainland China", true},
				settingRow{strings.Join(models, ", "), "the preset's", "model to call where an agent names none; for Coze the ID of a bot", true})
		case !slices.Contains(slices.Concat(keys, urls, models), s.Name):
			rows = append(rows, settingRow{s.Name, s.Preset, s.Meaning, false})
		}
	}
	return rows
}

// plain is text without the backquotes that a page adds by hand.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }
