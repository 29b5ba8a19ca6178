package cli

import (
	_ "embed"
	"io"
)

// notices lists the third-party software in the binary with its licenses.
// deploy/licenses/notices.sh writes it.
//
//go:embed notices.txt
var notices string

type licensesCommand struct{}

// Help shows an example.
func (licensesCommand) Help() string {
	return "Spillway itself is under the Apache License 2.0.\n\nExample:\n  spillway licenses"
}

// Run prints the notices.
func (licensesCommand) Run(s streams) error {
	_, err := io.WriteString(s.out, notices)
	return err
}
