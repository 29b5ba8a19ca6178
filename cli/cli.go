// Package cli is the command line of Spillway: commands, their flags, and what
// they print.
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

	"github.com/topcentral/spillway/app/config"
)

// commands is the grammar of the command line.
type commands struct {
	Demo      demoCommand      `cmd:"" group:"try" help:"Run real opportunities through the agents, compare with the known outcomes, and end."`
	Dev       devCommand       `cmd:"" group:"try" help:"Serve everything from one process, in memory, until Ctrl-C."`
	MockLLM   mockLLMCommand   `cmd:"" name:"mock-llm" group:"try" help:"Serve a mock of every model API, to try outages without a model."`
	API       apiCommand       `cmd:"" name:"api" group:"serve" help:"Serve the HTTP API, on a real Redis."`
	Worker    workerCommand    `cmd:"" group:"serve" help:"Run jobs, on a real Redis."`
	Submit    submitCommand    `cmd:"" group:"use" help:"Post a job."`
	Get       getCommand       `cmd:"" group:"use" help:"Show a job."`
	Jobs      jobsCommand      `cmd:"" group:"use" help:"List jobs by state, agent, time and more."`
	Explain   explainCommand   `cmd:"" group:"use" help:"Explain why a job ran where it did, and what it cost."`
	Watch     watchCommand     `cmd:"" group:"use" help:"Print a job's events until it ends."`
	Cancel    cancelCommand    `cmd:"" group:"use" help:"Cancel a job."`
	Retry     retryCommand     `cmd:"" group:"use" help:"Run a job again that failed or was canceled."`
	Rerun     rerunCommand     `cmd:"" group:"use" help:"Create new jobs from jobs that have ended, such as those that no model answered."`
	Agents    agentsCommand    `cmd:"" group:"use" help:"List, show and test agents."`
	Providers providersCommand `cmd:"" group:"serve" help:"List the providers of models, and check that they answer."`
	Audit     auditCommand     `cmd:"" group:"serve" help:"Verify the audit log."`
	Prove     proveCommand     `cmd:"" group:"serve" help:"Verify what left for clouds, and that no local_only data did."`
	Keys      keysCommand      `cmd:"" group:"serve" help:"Create, list, rotate and revoke API keys."`
	Unmask    unmaskCommand    `cmd:"" group:"serve" help:"Show the values that masking replaced in a job."`
	Budgets   budgetsCommand   `cmd:"" group:"serve" help:"Show what each budget has spent and has left."`
	Doctor    doctorCommand    `cmd:"" group:"serve" help:"Check Redis, queues, workers, providers and agents, and say what to do."`
	Config    configCommand    `cmd:"" group:"serve" help:"Show every setting with its value and meaning."`

	VersionFlag   versionFlag          `name:"version" short:"V" help:"Print the version and exit."`
	Version       versionCommand       `cmd:"" group:"about" help:"Print the version, and what it was built from."`
	Licenses      licensesCommand      `cmd:"" group:"about" help:"Print the licenses of the software in this program."`
	Completion    completionCommand    `cmd:"" group:"about" help:"Print a shell's completion script."`
	CompleteWords completeWordsCommand `cmd:"" hidden:"" name:"complete-words" help:"Print what may follow the words of a command line."`
}

const description = `Spillway runs AI analyses as jobs: local models first, cloud APIs when it must,
and a deterministic scorecard when nothing else can answer.

Settings are environment variables that begin with SPILLWAY_; "spillway config" lists them.`

// Run parses the arguments and runs the command they name until it ends or the
// process is interrupted. It returns the exit code. A second signal ends the
// process at once.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, args, streams{stdin, stdout, stderr})
}

// exit unwinds a parse that has printed help.
type exit struct{ code int }

func run(ctx context.Context, args []string, s streams) (code int) {
	out, errs := &visibleWriter{w: s.out}, &visibleWriter{w: s.err}
	defer out.flush()
	defer errs.flush()
	s.out, s.err = out, errs
	var grammar commands
	parser, err := kong.New(&grammar,
		kong.Name("spillway"), kong.Description(description), kong.Writers(s.out, s.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "try", Title: "Try it:"}, {Key: "serve", Title: "Serve:"}, {Key: "use", Title: "Use a running Spillway:"}, {Key: "about", Title: "About the program:"},
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
	if err := config.Tidy(); err != nil {
		fmt.Fprintln(s.err, "spillway:", err)
		return exitError
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.err, "spillway: %s\nTry: %s --help\n", config.HidePassword(err.Error()), commandOf(err))
		return exitUsage
	}
	return exitCode(ctx, parsed.Run(), s.err)
}

// commandOf names the command whose arguments were at fault, as far as it could
// be made out.
func commandOf(err error) string {
	names := []string{"spillway"}
	if e, ok := errors.AsType[*kong.ParseError](err); ok {
		for _, step := range e.Context.Path {
			if step.Command != nil {
				names = append(names, step.Command.Name)
			}
		}
	}
	return strings.Join(names, " ")
}
