package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/worker/attempt"
)

// privacyMinimum is the least privacy of jobs: of each tenant named, and under *
// of all others.
type privacyMinimum map[string]tasks.Privacy

// UnmarshalText reads one level for all, or levels by tenant.
func (m *privacyMinimum) UnmarshalText(text []byte) error {
	read := privacyMinimum{}
	for part := range strings.SplitSeq(string(text), ",") {
		tenant, level, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			tenant, level = "*", tenant
		}
		if _, twice := read[tenant]; twice || tenant == "" || !tasks.Privacy(level).Known() {
			return fmt.Errorf("want any, mask_fields, mask or local_only, or tenants with such a level each, as in acme=local_only,*=mask")
		}
		read[tenant] = tasks.Privacy(level)
	}
	*m = read
	return nil
}

// of returns the least privacy of a tenant's jobs.
func (m privacyMinimum) of(tenant string) tasks.Privacy {
	if level, ok := m[tenant]; ok {
		return level
	}
	return m["*"]
}

// masked counts what would be masked of a job's input on the way to the cloud.
func (s *system) masked(j *tasks.Job, input json.RawMessage) map[string]int {
	agent, ok := s.agents.Lookup(j.Agent)
	if !ok {
		return nil
	}
	return attempt.MaskCounts(agent, j, input)
}

// namesConfig returns the settings of the pass that lists names before a job is masked.
func namesConfig(c *config) attempt.NamesConfig {
	n := attempt.NamesConfig{Model: c.PrivacyNames, Timeout: c.PrivacyNamesTimeout}
	switch c.PrivacyNames {
	case "off":
		return attempt.NamesConfig{Off: true}
	case "auto":
		n.Model = ""
	}
	return n
}
