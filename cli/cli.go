// Package cli is the command line of Spillway and its composition root: here
// the parts are wired together, and here alone the environment is read.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the grammar of the command line.
type commands struct {
	Demo   demoCommand   `cmd:"" group:"try" help:"Run real opportunities through the agents, compare with the known outcomes, and end."`
	Dev    devCommand    `cmd:"" group:"try" help:"Serve everything from one process, in memory, until Ctrl-C."`
	API    apiCommand    `cmd:"" name:"api" group:"serve" help:"Serve the HTTP API, on a real Redis."`
	Worker workerCommand `cmd:"" group:"serve" help:"Run jobs, on a real Redis."`
	Submit submitCommand `cmd:"" group:"use" help:"Post a job."`
	Get    getCommand    `cmd:"" group:"use" help:"Show a job."`
	Watch  watchCommand  `cmd:"" group:"use" help:"Follow a job's events until it ends."`
	Cancel cancelCommand `cmd:"" group:"use" help:"End a job."`
	Retry  retryCommand  `cmd:"" group:"use" help:"Run a job again that failed or was canceled."`
	Agents agentsCommand `cmd:"" group:"use" help:"List, show and test agents."`
	Config configCommand `cmd:"" group:"serve" help:"Show every setting, its value and what it means."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

const description = `Spillway runs AI analyses as jobs: local models first, cloud APIs when it must,
and a deterministic scorecard when nothing else can answer.

Settings are environment variables that begin with SPILLWAY_; "spillway config" lists them.`

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // the command failed
	exitUsage = 2 // the command line is at fault
)

// Run parses the arguments and runs the command they name until it ends or the
// process is interrupted. It returns the exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, streams{stdin, stdout, stderr})
}

// exit unwinds a parse that has printed help.
type exit struct{ code int }

func run(ctx context.Context, args []string, s streams) (code int) {
	var grammar commands
	parser, err := kong.New(&grammar,
		kong.Name("spillway"), kong.Description(description), kong.Writers(s.out, s.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "try", Title: "Try it:"}, {Key: "serve", Title: "Serve:"}, {Key: "use", Title: "Use a running Spillway:"},
		}),
		kong.Exit(func(code int) { panic(exit{code}) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s),
	)
	if err != nil {
		fmt.Fprintln(s.err, "spillway:", err)
		return exitError
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exit:
			code = e.code
		default:
			panic(e)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "spillway: %v\nTry: spillway %s--help\n", err, commandOf(args))
		return exitUsage
	}
	if err := parsed.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(s.err, "spillway:", err)
		return exitError
	}
	return exitOK
}

// commandOf is the command that args begin with and a space, or nothing.
func commandOf(args []string) string {
	if strings.HasPrefix(args[0], "-") {
		return ""
	}
	return args[0] + " "
}
