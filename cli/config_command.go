package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/topcentral/spillway/app/config"
)

type configCommand struct{}

// Help gives an example.
func (configCommand) Help() string {
	return "Shows the settings of this process: its environment, not those of a server. The default is shown where the value in force is another one. Secrets are not shown.\n\n" +
		"Example:\n  SPILLWAY_LOCAL_SLOTS=2 spillway config"
}

// Run prints the table of settings, after checking them.
func (configCommand) Run(s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	for _, problem := range cfg.Unknown {
		fmt.Fprintln(s.err, "spillway: warning:", problem)
	}
	all, err := config.Settings()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tDEFAULT\tMEANING")
	for _, setting := range all {
		value, other := setting.Shown()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", setting.Name, value, other, setting.Meaning)
	}
	return w.Flush()
}
