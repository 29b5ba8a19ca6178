package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help shows how to load the script.
func (completionCommand) Help() string {
	return `Prints a script that completes commands, flags and their fixed values. Load it in the
shell's start-up file: for bash and zsh  source <(spillway completion bash), for fish
spillway completion fish | source

Example:
  spillway completion bash`
}

// Each script hands the words before the cursor to "spillway complete-words"
// and offers the lines that it prints, or else file names.
var completionScripts = map[string]string{
	"bash": `_spillway() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" complete-words -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _spillway spillway
`,
	"zsh": `#compdef spillway
_spillway() {
  local -a words_found
  words_found=("${(@f)$("${words[1]}" complete-words -- "${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  if [[ -n "$words_found" ]]; then compadd -a words_found; else _files; fi
}
compdef _spillway spillway
`,
	"fish": `complete -c spillway -a '(spillway complete-words -- (commandline -opc)[2..] 2>/dev/null)'
`,
}

// Run prints the script of the shell.
func (c completionCommand) Run(s streams) error {
	_, err := io.WriteString(s.out, completionScripts[c.Shell])
	return err
}

// completeWordsCommand is what the completion scripts call.
type completeWordsCommand struct {
	Words []string `arg:"" optional:"" help:"The words before the cursor, after the program's name."`
}

// Help shows an example.
func (completeWordsCommand) Help() string {
	return "Example:\n  spillway complete-words agents"
}

// Run prints what may follow the words, one candidate a line.
func (c completeWordsCommand) Run(s streams, k *kong.Kong) error {
	for _, w := range candidates(k.Model.Node, c.Words) {
		if _, err := fmt.Fprintln(s.out, w); err != nil {
			return err
		}
	}
	return nil
}

// candidates returns the words that may follow the given ones: the values of a
// flag that still needs one, or the commands below the command reached so far
// and its flags.
func candidates(node *kong.Node, words []string) []string {
	var pending *kong.Flag // the last word, where it is a flag that takes a value
	for _, w := range words {
		takesValue := pending != nil
		pending = nil
		switch {
		case takesValue:
		case strings.HasPrefix(w, "-"):
			pending = flagOf(node, w)
		default:
			if child := childOf(node, w); child != nil {
				node = child
			}
		}
	}
	if pending != nil {
		return pending.EnumSlice()
	}
	var found []string
	for _, child := range node.Children {
		if !child.Hidden && child.Type == kong.CommandNode {
			found = append(found, child.Name)
		}
	}
	for _, flags := range node.AllFlags(true) {
		for _, f := range flags {
			found = append(found, "--"+f.Name)
		}
	}
	for _, arg := range node.Positional {
		found = append(found, arg.EnumSlice()...)
	}
	return found
}

// flagOf returns the flag that word names and that takes a value in the next
// word, or nil.
func flagOf(node *kong.Node, word string) *kong.Flag {
	for _, flags := range node.AllFlags(false) {
		for _, f := range flags {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				if f.IsBool() || f.IsCounter() {
					return nil
				}
				return f
			}
		}
	}
	return nil
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name || slices.Contains(child.Aliases, name) {
			return child
		}
	}
	return nil
}
