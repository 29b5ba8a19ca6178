package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kelseyhightower/envconfig"
)

// minRetention is the shortest time that ended jobs are kept: a caller must be
// able to read what came of its job.
const minRetention = time.Minute

// Validate reports every setting that makes no sense, under the name of its
// environment variable.
func (c Config) Validate() error { return joined(c.faults()) }

func (c Config) faults() []settingFault {
	var faults []settingFault
	want := func(ok bool, setting string, got any, right string) {
		if !ok {
			faults = append(faults, settingFault{setting, fmt.Sprintf("got %v, want %s", got, right)})
		}
	}
	own := func(ok bool, name string, got any, right string) { want(ok, EnvPrefix+"_"+name, got, right) }
	const (
		address  = "host:port, such as 127.0.0.1:8080"
		endpoint = "a URL such as http://127.0.0.1:11434"
		positive = "more than 0, such as 90s"
		count    = "1 or more"
		percent  = "a percentage from 0 to 100"
	)
	own(isAddress(c.APIListen), "API_LISTEN", quoted(c.APIListen), address)
	own(c.WorkerListen == Off || isAddress(c.WorkerListen), "WORKER_LISTEN", quoted(c.WorkerListen), address+", or "+Off)
	own(c.AdminListen == Off || isAddress(c.AdminListen), "ADMIN_LISTEN", quoted(c.AdminListen), address+", or "+Off)
	own(c.APIMaxBody >= 1<<10, "API_MAX_BODY", c.APIMaxBody, "1024 bytes or more")
	own(c.APIMaxStreams > 0, "API_MAX_STREAMS", c.APIMaxStreams, count)
	own(isURL(c.OllamaURL), "OLLAMA_URL", quoted(HidePassword(c.OllamaURL)), endpoint)
	own(c.OllamaNumCtx > 0, "OLLAMA_NUM_CTX", c.OllamaNumCtx, count)
	own(c.LocalTimeout > 0, "LOCAL_TIMEOUT", c.LocalTimeout, positive)
	own(c.CloudTimeout > 0, "CLOUD_TIMEOUT", c.CloudTimeout, positive)
	own(c.BreakerFailures > 0, "BREAKER_FAILURES", c.BreakerFailures, count)
	own(c.BreakerCoolDown > 0, "BREAKER_COOL_DOWN", c.BreakerCoolDown, positive)
	own(c.BreakerSlow >= 0 && c.BreakerSlow <= 1, "BREAKER_SLOW", c.BreakerSlow, "a share from 0 to 1")
	own(c.LocalSlots > 0, "LOCAL_SLOTS", c.LocalSlots, count)
	own(c.CloudSlots > 0, "CLOUD_SLOTS", c.CloudSlots, count)
	own(isPercent(c.HostCPULimit), "HOST_CPU_LIMIT", c.HostCPULimit, percent)
	own(isPercent(c.HostMemoryLimit), "HOST_MEMORY_LIMIT", c.HostMemoryLimit, percent)
	own(c.WorkerDrain >= 0, "WORKER_DRAIN", c.WorkerDrain, "0 or more")
	own(c.Retention >= minRetention, "RETENTION", c.Retention, fmt.Sprintf("%v or more", minRetention))
	own(c.LogFormat == logText || c.LogFormat == logJSON, "LOG_FORMAT", quoted(c.LogFormat), logText+" or "+logJSON)
	faults = append(faults, c.accessFaults()...)
	for _, k := range slices.Concat(c.Clouds, c.Servers) {
		want(k.Key.Sendable(), k.Preset.KeyEnv, "a key with a character that HTTP cannot send", "the key alone, without line breaks or spaces in it")
	}
	for _, k := range c.Clouds {
		want(isURL(k.Preset.Host(k.BaseURL)), ServiceEnv(k.Preset, "URL"), quoted(HidePassword(k.BaseURL)), "a URL such as "+k.Preset.BaseURL)
		want(cmp.Or(k.Model, k.Preset.Model) != "", ServiceEnv(k.Preset, "MODEL"), "none", "the ID of a bot that is published as an API")
	}
	return faults
}

// unreadable reports what envconfig could not read. Its own words quote the value,
// which may be a secret.
func unreadable(err error) settingFault {
	parse, ok := errors.AsType[*envconfig.ParseError](err)
	if !ok {
		return settingFault{EnvPrefix, err.Error()}
	}
	detail := parse.Err.Error()
	switch parse.TypeName {
	case "int", "int64":
		detail = fmt.Sprintf("got %q, want a whole number", parse.Value)
	case "float64":
		detail = fmt.Sprintf("got %q, want a number such as 0.9", parse.Value)
	case "bool":
		detail = fmt.Sprintf("got %q, want true or false", parse.Value)
	case "time.Duration":
		detail = fmt.Sprintf("got %q, want a duration such as 90s, 2m or 168h", parse.Value)
	case "[]netip.Prefix":
		detail = fmt.Sprintf("got %q, want networks such as 10.0.0.0/8,fd00::/8", parse.Value)
	case "slog.Level":
		detail = fmt.Sprintf("got %q, want DEBUG, INFO, WARN or ERROR", parse.Value)
	}
	return settingFault{parse.KeyName, detail}
}
