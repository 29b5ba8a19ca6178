package api

import (
	"context"
	"net/http"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// jobReader reads the jobs of the caller's tenant, or with admin:read those of
// another tenant, which is recorded in the audit log.
type jobReader struct {
	*server
	operation string
}

// tenant returns the tenant whose jobs are listed.
func (r jobReader) tenant(ctx context.Context, named, object string) (string, error) {
	own := tenantOf(ctx)
	if named == "" || named == own {
		return own, nil
	}
	if err := access.Require(ctx, access.AdminRead); err != nil {
		return "", err
	}
	return named, r.recordRead(ctx, named, object)
}

// job returns the job of that ID: of the named tenant; or else of the caller's
// tenant; or else, for operators, of any tenant.
func (r jobReader) job(ctx context.Context, named, id string) (*tasks.Job, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	own := tenantOf(ctx)
	if named == "" || named == own {
		job, err := r.jobs.Job(ctx, own, id)
		if tasks.CodeOf(err) != tasks.CodeNotFound || named != "" || !access.From(ctx).Can(access.AdminRead) {
			return job, err
		}
		if job, err = r.jobs.Find(ctx, id); err != nil {
			return nil, err
		}
		return job, r.recordRead(ctx, job.Tenant, location(job))
	}
	if err := access.Require(ctx, access.AdminRead); err != nil {
		return nil, err
	}
	job, err := r.jobs.Job(ctx, named, id)
	if err != nil {
		return nil, err
	}
	return job, r.recordRead(ctx, named, location(job))
}

// changedTenant returns the tenant whose jobs are run again: the caller's, or with
// admin:write the named one.
func changedTenant(ctx context.Context, named string) (string, error) {
	own := tenantOf(ctx)
	if named == "" || named == own {
		return own, nil
	}
	return named, access.Require(ctx, access.AdminWrite)
}

// recordRead records that something of another tenant was read. If that fails,
// nothing may be shown.
func (r jobReader) recordRead(ctx context.Context, tenant, object string) error {
	line, err := r.cfg.Audit.Begin(ctx)
	if err != nil {
		return err
	}
	e := audit.Entry{
		Action: r.operation, Object: object + "?tenant=" + tenant, Outcome: audit.Done, Status: http.StatusOK, RequestID: httpx.RequestID(ctx),
	}
	return line.Write(e.By(access.From(ctx)))
}
