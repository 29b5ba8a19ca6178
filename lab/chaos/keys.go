//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// The tenants: the one whose jobs are looked after, and the one that floods.
const (
	calmTenant  = "calm"
	floodTenant = "flood"
)

// floodRate is what the flooding tenant's key may do.
const floodRate = "1200/min:150"

// openKeys makes an API key for each tenant.
func (w *world) openKeys(ctx context.Context, binary string) error {
	for _, k := range []struct {
		tenant, rate string
		key          *string
	}{{calmTenant, "none", &w.key}, {floodTenant, floodRate, &w.floodKey}} {
		cmd := exec.CommandContext(ctx, binary, "keys", "create", "--tenant", k.tenant, "--role", "submitter", "--rate", k.rate) //nolint:gosec // what is under test
		cmd.Env = w.environment(w.rdb.Options().Addr)
		out, err := cmd.Output()
		if err != nil {
			var text []byte
			if e, ok := errors.AsType[*exec.ExitError](err); ok {
				text = e.Stderr
			}
			return fmt.Errorf("make a key of tenant %s: %w\n%s", k.tenant, err, text)
		}
		*k.key = strings.TrimSpace(string(out))
	}
	return nil
}
