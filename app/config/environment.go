package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/topcentral/spillway/providers"
)

// Tidy gives every setting one reading, however it was delivered.
// White space around a value is not part of it: files of secrets end in a
// newline. A blank value is no value.
func Tidy() error {
	all, err := Settings()
	if err != nil {
		return err
	}
	for _, s := range all {
		value, set := os.LookupEnv(s.Name)
		tidy := strings.TrimSpace(value)
		switch {
		case !set || value != "" && tidy == value:
		case tidy == "":
			err = os.Unsetenv(s.Name)
		default:
			err = os.Setenv(s.Name, tidy)
		}
		if err != nil {
			return fmt.Errorf("environment: %s: %w", s.Name, err)
		}
	}
	return nil
}

// secretFromEnvironment returns the secret that a variable holds, without white
// space around it.
func secretFromEnvironment(name string) providers.Secret {
	return providers.NewSecret(strings.TrimSpace(os.Getenv(name)))
}

// Kubernetes describes the services of a namespace in variables that begin with
// a service's name, and tests of this program have some of their own.
var foreignVariable = regexp.MustCompile(`^SPILLWAY_(TEST|PROBE)_|_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?$`)

// maxTypos is how many letters may differ for a name to be taken for a misspelt
// setting.
const maxTypos = 3

// unknownSettings describes each variable of the environment that begins as a
// setting does and is none, with the setting that it resembles.
func unknownSettings() ([]string, error) {
	all, err := Settings()
	if err != nil {
		return nil, err
	}
	var unknown []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, EnvPrefix+"_") || foreignVariable.MatchString(name) ||
			slices.ContainsFunc(all, func(s Setting) bool { return s.Name == name }) {
			continue
		}
		unknown = append(unknown, name+" is not a setting and has no effect; "+hint(name, all))
	}
	slices.Sort(unknown)
	return unknown, nil
}

// hint says which setting a misspelt name may mean.
func hint(name string, all []Setting) string {
	nearest, distance := "", maxTypos+1
	for _, s := range all {
		if d := levenshtein.ComputeDistance(name, s.Name); d < distance {
			nearest, distance = s.Name, d
		}
	}
	if nearest == "" {
		return `"spillway config" lists the settings`
	}
	return "did you mean " + nearest + "?"
}

// Proxy returns the variable that names a proxy for outbound calls, and its
// value; "" if none does.
func Proxy() (name, value string) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if value := os.Getenv(name); value != "" {
			return name, value
		}
	}
	return "", ""
}
