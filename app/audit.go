package app

import (
	"context"
	"fmt"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/providers/egress"
	"github.com/topcentral/spillway/tasks"
)

// openAudit opens the audit log if the settings name a file, and says so if not.
func (s *App) openAudit() (err error) {
	if s.cfg.AuditFile == "" {
		s.log.Info("no audit log is kept; SPILLWAY_AUDIT_FILE names a file for it")
		return nil
	}
	s.audit, err = audit.Open(audit.Config{File: s.cfg.AuditFile, Key: s.cfg.AuditKey, Log: s.log})
	if err != nil {
		return fmt.Errorf("SPILLWAY_AUDIT_FILE: %w", err)
	}
	s.cleanup.add("audit log", s.audit.Close)
	return nil
}

// auditKeys records what commands do to API keys, until ctx ends.
func (s *App) auditKeys(ctx context.Context) error {
	if s.audit == nil {
		return nil
	}
	access.NewKeys(s.rdb).Changes(ctx, s.log, func(c access.Change) error {
		line, err := s.audit.Begin(ctx)
		if err != nil {
			return err
		}
		return line.Write(audit.Entry{
			Time: c.At, Tenant: c.Tenant, Method: audit.ByCommand, Subject: c.By,
			Action: c.Action, Object: c.Key, Outcome: audit.Done, RequestID: c.ID,
		})
	})
	return nil
}

// auditEgress appends to the audit log what workers have recorded of requests to
// clouds, until ctx ends.
func (s *App) auditEgress(ctx context.Context) error {
	if s.audit == nil {
		return nil
	}
	egress.NewLedger(s.rdb).Drain(ctx, s.log, func(ctx context.Context, e tasks.Egress) error {
		line, err := s.audit.Begin(ctx)
		if err != nil {
			return err
		}
		return line.Write(audit.OfEgress(e))
	})
	return nil
}
