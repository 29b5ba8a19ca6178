// Package doctor checks everything that the settings of a machine name, and says
// what to do about each finding. A process that starts runs a part of it.
package doctor

import (
	"context"
	"log/slog"
	"slices"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/tasks/store/redisconn"
)

// Examine checks everything that the settings name.
func Examine(ctx context.Context, cfg config.Config) []Finding {
	silent := slog.New(slog.DiscardHandler) // what is wrong is a finding
	redisconn.LogTo(silent)
	all, agentFinding := examineAgents(cfg, silent)
	return slices.Concat(examineSettings(cfg), proxyFinding(cfg), examineRedis(ctx, cfg), []Finding{agentFinding}, examineOllama(ctx, cfg, all), examineServers(ctx, cfg), examineClouds(ctx, cfg))
}
