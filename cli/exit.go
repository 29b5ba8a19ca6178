package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/topcentral/spillway/app/config"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1   // the command failed
	exitUsage       = 2   // the command line is at fault
	exitInterrupted = 130 // the command was interrupted before it had done its work, as shells put it
)

// exitCode writes to w why a command failed, if it did, and returns its exit code.
// Commands that serve until they are interrupted have done their work then, and
// return no error.
func exitCode(ctx context.Context, err error, w io.Writer) int {
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return exitInterrupted
	}
	fmt.Fprintln(w, "spillway:", config.HidePassword(err.Error()))
	return exitError
}
