package cli

import (
	"fmt"

	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/app/config"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that no line of an audit log was changed, removed or moved."`
}

type auditVerifyCommand struct {
	Anchor string `placeholder:"HASH" help:"A hash that was noted elsewhere: its line must be there, or lines are missing at the end."`
	// FromStart is for those who keep the whole log: without it the lines of files
	// that were not given are not missed.
	FromStart bool     `help:"Fail unless the files begin with the first line of the log."`
	Files     []string `arg:"" name:"file" help:"Files of one log, the oldest first."`
}

// Help gives examples.
func (auditVerifyCommand) Help() string {
	return "Reads the files named, on this machine. SPILLWAY_AUDIT_KEY must be the key that the log was written with, if it was with one. The hash to\n" +
		"note elsewhere is printed, and logged when a process begins a file and when it ends.\n\nExample:\n" +
		"  spillway audit verify /var/log/spillway/audit*.jsonl"
}

// Run verifies the files and reports the first invalid line.
func (c auditVerifyCommand) Run(s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	found, err := audit.Verify(c.Files, cfg.AuditKey, c.Anchor)
	if err != nil {
		return err
	}
	if c.FromStart && found.First != 1 {
		return fmt.Errorf("lines are missing at the front: the first is number %d of its log; give the older files, too, or leave out --from-start", found.First)
	}
	fmt.Fprintf(s.out, "ok: %s, number %d to %d, the last hash is %s\n", plural(found.Lines, "line"), found.First, found.Last, found.Hash)
	if found.Before != "" {
		fmt.Fprintf(s.out, "the lines up to number %d are in files that were not given; the last of them must have the hash %s\n", found.First-1, found.Before)
	}
	return nil
}
