package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // for zones of budgets, on machines and in images without a time zone database

	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

// EnvPrefix begins the name of every setting, with an underscore behind it.
const EnvPrefix = "SPILLWAY"

// Authentication is whether callers must show who they are.
type Authentication string

// What SPILLWAY_AUTH may be.
const (
	AuthAuto     Authentication = "auto" // unless only this machine can call
	AuthOff      Authentication = "off"
	AuthRequired Authentication = "required"
)

// UnmarshalText reads one of the known values.
func (a *Authentication) UnmarshalText(text []byte) error {
	switch v := Authentication(text); v {
	case AuthAuto, AuthOff, AuthRequired:
		*a = v
		return nil
	}
	return fmt.Errorf("want %s, %s or %s", AuthAuto, AuthOff, AuthRequired)
}

// Off is where nothing is served for operators.
const Off = "off"

// Zone is where days and months of budgets begin.
type Zone struct{ *time.Location }

// UnmarshalText reads a name of the IANA time zone database.
func (z *Zone) UnmarshalText(text []byte) error {
	l, err := time.LoadLocation(string(text))
	if err != nil || len(text) == 0 || l == time.Local {
		return fmt.Errorf("got %q, want a time zone such as Asia/Shanghai or UTC", text)
	}
	z.Location = l
	return nil
}

// Shards is how many slots jobs are spread over.
type Shards int

// maxShards is the number of slots of a Redis Cluster.
const maxShards = 16384

// UnmarshalText reads a number from 1.
func (n *Shards) UnmarshalText(text []byte) error {
	v, err := strconv.Atoi(string(text))
	if err != nil || v < 1 || v > maxShards {
		return fmt.Errorf("want a number from 1 to %d", maxShards)
	}
	*n = Shards(v)
	return nil
}

// Durability is what a new job waits for before it is acknowledged.
type Durability string

// What SPILLWAY_DURABILITY may be.
const (
	DurabilityDefault Durability = "default"
	DurabilityFsync   Durability = "fsync"
)

// UnmarshalText reads one of the known values.
func (d *Durability) UnmarshalText(text []byte) error {
	switch v := Durability(text); v {
	case DurabilityDefault, DurabilityFsync:
		*d = v
		return nil
	}
	return fmt.Errorf("want %s or %s", DurabilityDefault, DurabilityFsync)
}

func quoted(s string) string { return strconv.Quote(s) }

func isPercent(n float64) bool { return n >= 0 && n <= 100 }

func isAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

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

// Of returns the least privacy of a tenant's jobs.
func (m privacyMinimum) Of(tenant string) tasks.Privacy {
	if level, ok := m[tenant]; ok {
		return level
	}
	return m["*"]
}

// tenantWeights are the turns that tenants have for each one of others.
type tenantWeights map[string]float64

// mostWeight is the largest weight, and the inverse of the least.
const mostWeight = 1000

// UnmarshalText reads "acme=3,free=0.5".
func (m *tenantWeights) UnmarshalText(text []byte) error {
	read := tenantWeights{}
	for part := range strings.SplitSeq(string(text), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		tenant, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		weight, err := strconv.ParseFloat(number, 64)
		if _, twice := read[tenant]; twice || tenant == "" || err != nil || !(weight >= 1.0/mostWeight && weight <= mostWeight) {
			return fmt.Errorf("want tenants, each once with a weight from %g to %d, as in acme=3,free=0.5", 1.0/mostWeight, mostWeight)
		}
		read[tenant] = weight
	}
	*m = read
	return nil
}

// Of returns the weight of a tenant.
func (m tenantWeights) Of(tenant string) float64 {
	if weight, ok := m[tenant]; ok {
		return weight
	}
	return 1
}

// cloudOrder is an order of cloud providers by complexity.
type cloudOrder agents.CloudOrder

// UnmarshalText reads "extreme=deepseek,kimi;low=minimax".
func (o *cloudOrder) UnmarshalText(text []byte) error {
	order := cloudOrder{}
	for part := range strings.SplitSeq(string(text), ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, list, ok := strings.Cut(part, "=")
		c := tasks.Complexity(strings.TrimSpace(name))
		if !ok || !c.Known() || order[c] != nil {
			return errors.New("want each complexity once, such as extreme=deepseek,kimi;low=minimax")
		}
		for provider := range strings.SplitSeq(list, ",") {
			if provider = strings.TrimSpace(provider); provider == "" || slices.Contains(order[c], provider) {
				return fmt.Errorf("%s: want providers, each once, separated by commas", c)
			}
			order[c] = append(order[c], strings.TrimSpace(provider))
		}
	}
	*o = order
	return nil
}

// compatibleServers are servers on machines of one's own that speak OpenAI's
// chat API and need no key.
type compatibleServers []presets.Preset

// UnmarshalText reads "farm=http://10.0.0.9:8000/v1,lmstudio=http://127.0.0.1:1234/v1".
func (s *compatibleServers) UnmarshalText(text []byte) error {
	var servers compatibleServers
	for part := range strings.SplitSeq(string(text), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, url, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || !isURL(url) {
			return errors.New("want name=URL, such as farm=http://10.0.0.9:8000/v1, separated by commas")
		}
		if err := presets.CheckName(name); err != nil {
			return err
		}
		servers = append(servers, presets.Generic(name, url, presets.Local))
	}
	*s = servers
	return nil
}
