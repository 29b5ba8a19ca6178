//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The agents that jobs are for: a built-in one, and the same under another ID,
// which the first worker of each lane lacks.
const (
	builtinAgent = "A05"
	partialAgent = "C05"
)

// builtin is the folder of the built-in agent, as seen from the module's root.
const builtin = "tasks/agents/a05_churn_warning"

// agentsDir makes the directory of agents of a process.
func (w *world) agentsDir(process string) (string, error) {
	dir := filepath.Join(w.dir, "agents", process)
	folder := filepath.Join(dir, folderName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a directory of agents: %w", err)
	}
	if err := os.CopyFS(folder, os.DirFS(builtin)); err != nil {
		return "", fmt.Errorf("copy an agent's folder; run this from the module's root: %w", err)
	}
	definition := filepath.Join(folder, "agent.yaml")
	text, err := os.ReadFile(definition) //nolint:gosec // just copied
	if err != nil {
		return "", fmt.Errorf("read the agent's definition: %w", err)
	}
	text = []byte(strings.Replace(string(text), "id: "+builtinAgent, "id: "+partialAgent, 1))
	if err := os.WriteFile(definition, text, 0o600); err != nil { //nolint:gosec // in our own folder
		return "", fmt.Errorf("write the agent's definition: %w", err)
	}
	return dir, nil
}

// folderName is the folder of the agent that some workers lack.
const folderName = "c05_chaos"

// withdraw takes the agent from a process, and returns what gives it back. It
// reports false when the process does not have it.
func (p *process) withdraw() (undo func(), ok bool) {
	if p.agents == "" {
		return nil, false
	}
	folder, aside := filepath.Join(p.agents, folderName), p.agents+".withdrawn"
	if os.Rename(folder, aside) != nil { //nolint:gosec // folders of our own
		return nil, false // it is withdrawn already
	}
	return func() { _ = os.Rename(aside, folder) }, true //nolint:gosec // folders of our own, which nobody else moves
}
