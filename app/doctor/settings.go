package doctor

import (
	"github.com/topcentral/spillway/app/config"
)

// examineSettings looks for variables that have no effect.
func examineSettings(cfg config.Config) []Finding {
	f := Finding{Check: "settings"}
	if len(cfg.Unknown) == 0 {
		return []Finding{f.ok("every " + config.EnvPrefix + "_ variable is a setting")}
	}
	var findings []Finding
	for _, problem := range cfg.Unknown {
		findings = append(findings, f.warn(problem, "correct the name, or unset it"))
	}
	return findings
}

// proxyFinding says which way the lanes' calls take where a proxy is set.
func proxyFinding(cfg config.Config) []Finding {
	name, value := config.Proxy()
	if name == "" {
		return nil
	}
	f, place := Finding{Check: "proxy"}, name+" ("+config.HidePassword(value)+")"
	if cfg.LocalProxy {
		return []Finding{f.warn("calls to both lanes go through "+place+"; prompts for local models are not masked",
			"unset SPILLWAY_LOCAL_PROXY unless local models cannot be reached otherwise")}
	}
	return []Finding{f.ok("calls to clouds go through " + place + ", calls to local models do not")}
}
