package config

import (
	"strings"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/presets"
)

// ServiceEnv is the variable of a setting of a cloud provider.
func ServiceEnv(p presets.Preset, setting string) string {
	return EnvPrefix + "_" + strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_")) + "_" + setting
}

// Service is a service that can be called: a cloud that there is a key for, or
// a server of one's own.
type Service struct {
	Preset  presets.Preset
	Key     providers.Secret
	BaseURL string
	Model   string
}
