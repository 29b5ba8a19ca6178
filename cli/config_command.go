package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/kelseyhightower/envconfig"

	"github.com/topcentral/spillway/providers/presets"
)

type configCommand struct{}

// Help gives an example.
func (configCommand) Help() string {
	return "Example:\n  SPILLWAY_LOCAL_SLOTS=2 spillway config"
}

// settingsTable is a line for each setting.
const settingsTable = `{{range .}}{{usage_key .}}	{{usage_default .}}	{{usage_description .}}
{{end}}`

// Run prints the table of settings, after checking that they can be read.
func (configCommand) Run(s streams) error {
	if _, err := readConfig(); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tDEFAULT\tMEANING")
	if err := envconfig.Usagef(envPrefix, &config{}, w, settingsTable); err != nil {
		return err
	}
	for _, p := range presets.All() {
		fmt.Fprintf(w, "%s\t\tkey of %s; set it to use that cloud\n", p.KeyEnv, p.Title)
		fmt.Fprintf(w, "%s\t%s\twhere %s is\n", cloudEnv(p, "URL"), p.BaseURL, p.Title)
		fmt.Fprintf(w, "%s\t%s\tmodel asked of %s where an agent names none\n", cloudEnv(p, "MODEL"), p.Model, p.Title)
	}
	return w.Flush()
}

// cloudEnv is the variable of a setting of a cloud provider.
func cloudEnv(p presets.Preset, setting string) string {
	return envPrefix + "_" + strings.ToUpper(p.Name) + "_" + setting
}
