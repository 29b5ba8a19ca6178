package cli

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/topcentral/spillway/app/config"
)

func TestWhiteSpaceAroundASettingIsNotPartOfIt(t *testing.T) {
	for name, value := range map[string]string{
		"SPILLWAY_LOCAL_SLOTS": " 3\r\n",
		"SPILLWAY_CLOUD_SLOTS": "",
		"SPILLWAY_LOG_FORMAT":  " ",
		"SPILLWAY_AUTH":        "\n",
		"SPILLWAY_BUDGETS":     "",
	} {
		t.Setenv(name, value)
	}
	out, errs, code := command(t, "config")
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	if got := strings.Fields(find(out, `SPILLWAY_LOCAL_SLOTS .*`)); len(got) < 2 || got[1] != "3" {
		t.Errorf("got %q", got)
	}
}

func TestAMisspeltSettingIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"SPILLWAY_PRIVACY_MINIMUN":           "local_only",
		"SPILLWAY_COLOUR":                    "blue",
		"SPILLWAY_PORT":                      "tcp://10.0.0.1:8080", // as Kubernetes does
		"SPILLWAY_API_PORT_8080_TCP_ADDR":    "10.0.0.1",
		"SPILLWAY_API_SERVICE_HOST":          "10.0.0.1",
		"SPILLWAY_API_SERVICE_PORT_HTTP_API": "8080",
	} {
		t.Setenv(name, value)
	}
	_, errs, code := command(t, "config")
	want := `spillway: warning: SPILLWAY_COLOUR is not a setting and has no effect; "spillway config" lists the settings
spillway: warning: SPILLWAY_PRIVACY_MINIMUN is not a setting and has no effect; did you mean SPILLWAY_PRIVACY_MINIMUM?
`
	if code != exitOK || errs != want {
		t.Errorf("exit %d, got\n%s, want\n%s", code, errs, want)
	}
}

// Every setting reaches every container that runs Spillway, from the shell and
// from .env alike: its value is either passed through or only a default.
func TestComposePassesEverySetting(t *testing.T) {
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]*string
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	all, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	serving := 0
	for name, service := range file.Services {
		if service.Image != "spillway" {
			continue
		}
		serving++
		for _, s := range all {
			value, ok := service.Environment[s.Name]
			switch {
			case s.Name == config.URLEnv || s.Name == config.KeyEnv: // of the client commands
			case !ok:
				t.Errorf("service %s: %s does not reach it: name it in x-settings", name, s.Name)
			case value != nil && !strings.HasPrefix(*value, "${"+s.Name+":-"):
				t.Errorf("service %s: %s is fixed to %q", name, s.Name, *value)
			}
		}
		for _, variable := range config.OTLPVariables() {
			if value, ok := service.Environment[variable]; !ok || value != nil {
				t.Errorf("service %s: %s does not reach it as it is: name it in x-settings, without a value", name, variable)
			}
		}
		if want := len(all) - 2 + len(config.OTLPVariables()); len(service.Environment) != want {
			t.Errorf("service %s: got %d variables, want %d", name, len(service.Environment), want)
		}
	}
	if serving != 3 {
		t.Errorf("got %d services, want api and two workers", serving)
	}
}
