package doctor

import (
	"strings"
	"testing"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/worker/webhook"
	"github.com/topcentral/spillway/worker/webhook/endpoints"
)

// What was sealed with a secret that is no longer set is a finding that says whose
// it is; while the old secret is set, one that says to leave it there.
func TestDoctorFindsSecretsThatCannotBeOpened(t *testing.T) {
	rdb := redistest.Embedded(t)
	old, fresh := webhook.NewSecret(), webhook.NewSecret()
	with := func(shared bool, secrets ...webhook.Secret) config.Config {
		return config.Config{WebhookSecret: secrets, WebhookSharedSignature: shared}
	}
	registry, err := endpoints.Open(rdb, with(false, old).Endpoints(webhook.Policy{}.CheckURL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Signing(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		cfg   config.Config
		level Level
		says  string
	}{
		{"with its own", with(false, old), OK, "1 can be opened"},
		{"with two", with(false, fresh, old), Warning, "old SPILLWAY_WEBHOOK_SECRET"},
		{"without its own", with(false, fresh), Failed, "acme callbacks"},
		{"in the transition", with(true, old), OK, "SPILLWAY_WEBHOOK_SHARED_SIGNATURE=false"},
	} {
		findings := examineWebhooks(t.Context(), rdb, tt.cfg)
		if len(findings) == 0 || findings[0].Level != tt.level || !strings.Contains(findings[0].What, tt.says) {
			t.Errorf("%s: got %+v, want %v: %s", tt.name, findings, tt.level, tt.says)
		}
	}
	if got := examineWebhooks(t.Context(), rdb, config.Config{}); len(got) != 0 {
		t.Errorf("without webhooks: got %+v", got)
	}
}
