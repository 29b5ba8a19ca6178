package config

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"text/template"

	"github.com/kelseyhightower/envconfig"

	"github.com/topcentral/spillway/providers/presets"
)

// Where the client commands find the API.
const (
	URLEnv        = "SPILLWAY_URL"
	defaultServer = "http://127.0.0.1:8080"
	// KeyEnv is only read from the environment: other users see the arguments of
	// a command.
	KeyEnv = "SPILLWAY_API_KEY"
)

// Setting is an environment variable that Spillway reads.
type Setting struct{ Name, value, Preset, Meaning string }

// Settings lists every setting, in the order of config.
func Settings() ([]Setting, error) {
	var all []Setting
	add := func(name, preset, meaning string) string {
		all = append(all, Setting{name, cmp.Or(os.Getenv(name), preset), preset, meaning})
		return ""
	}
	each, err := template.New("settings").Funcs(template.FuncMap{"add": add}).
		Parse(`{{range .}}{{add .Key (.Tags.Get "default") (.Tags.Get "desc")}}{{end}}`)
	if err != nil {
		return nil, err
	}
	if err := envconfig.Usaget(EnvPrefix, &Config{}, &strings.Builder{}, each); err != nil {
		return nil, fmt.Errorf("list the settings: %w", err)
	}
	for _, p := range presets.Clouds() {
		add(p.KeyEnv, "", "key of "+p.Title+"; set it to use that cloud")
		add(ServiceEnv(p, "URL"), p.BaseURL, "where "+p.Title+" is")
		add(ServiceEnv(p, "MODEL"), p.Model, "model asked of "+p.Title+" where an agent names none")
	}
	add(URLEnv, defaultServer, "where the client commands find the API")
	add(KeyEnv, "", "API key or token that the client commands send")
	return all, nil
}

// Shown returns the value as it may be seen, and the default if it is another.
func (s Setting) Shown() (value, preset string) {
	value = s.value
	switch {
	case value == s.Preset:
		return value, ""
	case strings.HasSuffix(s.Name, "_KEY"), strings.HasSuffix(s.Name, "_SECRET"):
		value = hidden
	case strings.HasSuffix(s.Name, "_URL"), strings.HasSuffix(s.Name, "_COMPATIBLE"):
		value = HidePassword(value)
	}
	return value, cmp.Or(s.Preset, "(none)")
}
