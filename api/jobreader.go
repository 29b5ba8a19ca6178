package api

import (
	"context"
	"net/http"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/api/internal/httpx"
	"github.com/topcentral/spillway/tasks"
)

// jobReader finds what a request reads: the caller's own, or with admin:read that of
// another tenant, of which the audit log keeps a line.
type jobReader struct {
	*server
	operation string
}

// tenant returns whose jobs are to be listed.
func (r jobReader) tenant(ctx context.Context, named, object string) (string, error) {
	own := tenantOf(ctx)
	if named == "" || named == own {
		return own, nil
	}
	if err := access.Require(ctx, access.AdminRead); err != nil {
		return "", err
	}
	return named, r.note(ctx, named, object)
}

// job returns the job of that ID: of the tenant that is named, else of the
// caller's, else for operators of whichever has it.
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
		return job, r.note(ctx, job.Tenant, location(job))
	}
	if err := access.Require(ctx, access.AdminRead); err != nil {
		return nil, err
	}
	job, err := r.jobs.Job(ctx, named, id)
	if err != nil {
		return nil, err
	}
	return job, r.note(ctx, named, location(job))
}

// changedTenant returns whose jobs are to be run again: the caller's own, or with
// admin:write those of the tenant that is named.
func changedTenant(ctx context.Context, named string) (string, error) {
	own := tenantOf(ctx)
	if named == "" || named == own {
		return own, nil
	}
	return named, access.Require(ctx, access.AdminWrite)
}

// note keeps an audit line of a look at what is another tenant's. Nothing is
// shown while it cannot be kept.
func (r jobReader) note(ctx context.Context, tenant, object string) error {
	line, err := r.cfg.Audit.Begin(ctx)
	if err != nil {
		return err
	}
	e := audit.Entry{
		Action: r.operation, Object: object + "?tenant=" + tenant, Outcome: audit.Done, Status: http.StatusOK, RequestID: httpx.RequestID(ctx),
	}
	return line.Write(e.By(access.From(ctx)))
}
