package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/worker/webhook"
	"github.com/topcentral/spillway/worker/webhook/endpoints"
)

// lostShown is how many secrets that cannot be opened are named.
const lostShown = 5

// examineWebhooks judges what signs webhooks.
func examineWebhooks(ctx context.Context, rdb redis.UniversalClient, cfg config.Config) []Finding {
	f := Finding{Check: "webhook secrets"}
	if len(cfg.WebhookSecret) == 0 {
		return nil // this machine may be one that needs none
	}
	registry, err := endpoints.Open(rdb, cfg.Endpoints(webhook.Policy{}.CheckURL))
	if err != nil {
		return []Finding{f.fail(err.Error(), "correct SPILLWAY_WEBHOOK_SECRET")}
	}
	seals, err := registry.Seals(ctx)
	if err != nil {
		return []Finding{f.warn(err.Error(), "look at the log of Redis")}
	}
	var findings []Finding
	if n := len(seals.Lost); n > 0 {
		named := strings.Join(seals.Lost[:min(n, lostShown)], ", ")
		if n > lostShown {
			named += ", …"
		}
		findings = append(findings, f.fail(fmt.Sprintf("%d cannot be opened, so nothing is sent there: %s", n, named),
			"add the secret that was in SPILLWAY_WEBHOOK_SECRET before behind the present one, or have these tenants rotate theirs"))
	}
	if seals.Old > 0 {
		findings = append(findings, f.warn(fmt.Sprintf("%d are sealed with an old SPILLWAY_WEBHOOK_SECRET", seals.Old),
			"leave it in place; start a worker again, which seals them anew, and remove it when this finding is gone"))
	}
	if cfg.WebhookSharedSignature {
		findings = append(findings, f.ok(fmt.Sprintf("%d can be opened; callbacks are signed with SPILLWAY_WEBHOOK_SECRET too: set SPILLWAY_WEBHOOK_SHARED_SIGNATURE=false once no receiver verifies with it", seals.Current+seals.Old)))
	} else {
		findings = append(findings, f.ok(fmt.Sprintf("%d can be opened", seals.Current+seals.Old)))
	}
	return findings
}
