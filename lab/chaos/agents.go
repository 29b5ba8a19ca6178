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
	everywhere = "A05"
	somewhere  = "C05"
)

// builtin is the folder of the built-in agent, as seen from the module's root.
const builtin = "tasks/agents/a05_churn_warning"

// agentsDir makes the directory of agents that some workers have.
func (w *world) agentsDir() (string, error) {
	dir := filepath.Join(w.dir, "agents")
	folder := filepath.Join(dir, strings.ToLower(somewhere)+"_chaos")
	if err := os.CopyFS(folder, os.DirFS(builtin)); err != nil {
		return "", fmt.Errorf("copy an agent's folder; run this from the module's root: %w", err)
	}
	definition := filepath.Join(folder, "agent.yaml")
	text, err := os.ReadFile(definition) //nolint:gosec // just copied
	if err != nil {
		return "", fmt.Errorf("read the agent's definition: %w", err)
	}
	text = []byte(strings.Replace(string(text), "id: "+everywhere, "id: "+somewhere, 1))
	if err := os.WriteFile(definition, text, 0o600); err != nil { //nolint:gosec // in our own folder
		return "", fmt.Errorf("write the agent's definition: %w", err)
	}
	return dir, nil
}
