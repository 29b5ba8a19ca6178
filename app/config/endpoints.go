package config

import (
	"github.com/topcentral/spillway/worker/webhook/endpoints"
)

// Endpoints returns the settings of the register of webhook endpoints, whose
// URLs must pass check.
func (c Config) Endpoints(check func(string) error) endpoints.Config {
	return endpoints.Config{Secrets: c.WebhookSecret, Shared: c.WebhookSharedSignature, CheckURL: check}
}
