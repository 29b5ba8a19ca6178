package cli

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/kelseyhightower/envconfig"

	"github.com/topcentral/spillway/providers/presets"
)

type configCommand struct{}

// Help gives an example.
func (configCommand) Help() string {
	return "Shows the settings of this process: its environment, not those of a server. The default is shown where the value in force is another one. Secrets are not shown.\n\n" +
		"Example:\n  SPILLWAY_LOCAL_SLOTS=2 spillway config"
}

// Run prints the table of settings, after checking them.
func (configCommand) Run(s streams) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	for _, problem := range cfg.Unknown {
		fmt.Fprintln(s.err, "spillway: warning:", problem)
	}
	all, err := settingsInForce()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tDEFAULT\tMEANING")
	for _, setting := range all {
		value, other := setting.shown()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", setting.name, value, other, setting.meaning)
	}
	return w.Flush()
}

// setting is an environment variable that Spillway reads.
type setting struct{ name, value, preset, meaning string }

// settingsInForce lists every setting, in the order of config.
func settingsInForce() ([]setting, error) {
	var all []setting
	add := func(name, preset, meaning string) string {
		all = append(all, setting{name, cmp.Or(os.Getenv(name), preset), preset, meaning})
		return ""
	}
	each, err := template.New("settings").Funcs(template.FuncMap{"add": add}).
		Parse(`{{range .}}{{add .Key (.Tags.Get "default") (.Tags.Get "desc")}}{{end}}`)
	if err != nil {
		return nil, err
	}
	if err := envconfig.Usaget(envPrefix, &config{}, &strings.Builder{}, each); err != nil {
		return nil, fmt.Errorf("list the settings: %w", err)
	}
	for _, p := range presets.Clouds() {
		add(p.KeyEnv, "", "key of "+p.Title+"; set it to use that cloud")
		add(cloudEnv(p, "URL"), p.BaseURL, "where "+p.Title+" is")
		add(cloudEnv(p, "MODEL"), p.Model, "model asked of "+p.Title+" where an agent names none")
	}
	add(serverEnv, defaultServer, "where the client commands find the API")
	add(keyEnv, "", "API key or token that the client commands send")
	return all, nil
}

// hidden is shown in place of a secret.
const hidden = "***"

// shown returns the value as it may be seen, and the default if it is another.
func (s setting) shown() (value, preset string) {
	value = s.value
	switch {
	case value == s.preset:
		return value, ""
	case strings.HasSuffix(s.name, "_KEY"), strings.HasSuffix(s.name, "_SECRET"):
		value = hidden
	case strings.HasSuffix(s.name, "_URL"), strings.HasSuffix(s.name, "_COMPATIBLE"):
		value = withoutPassword(value)
	}
	return value, cmp.Or(s.preset, "(none)")
}

// cloudEnv is the variable of a setting of a cloud provider.
func cloudEnv(p presets.Preset, setting string) string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_")) + "_" + setting
}
