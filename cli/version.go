package cli

import (
	"fmt"

	"github.com/alecthomas/kong"
	"github.com/topcentral/spillway/app/buildinfo"
)

type versionCommand struct{}

// Help shows an example.
func (versionCommand) Help() string {
	return "Prints version, revision, compiler and platform on one line.\n\nExample:\n  spillway version"
}

// Run prints the build.
func (versionCommand) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, buildinfo.Read())
	return err
}

// versionFlag prints the version wherever it is given, and ends the command.
type versionFlag bool

// BeforeReset is called by kong before it parses the rest.
func (versionFlag) BeforeReset(k *kong.Kong, s streams) error {
	fmt.Fprintln(s.out, buildinfo.Read())
	k.Exit(exitOK)
	return nil
}
