package worker

import "context"

// recount corrects counters of jobs that have drifted, and reports writes that Redis
// refuses.
func (w *Worker) recount(ctx context.Context) error {
	found, err := w.Store.RecountDue(ctx)
	if err != nil {
		return err
	}
	if found.Undone > 0 {
		w.Log.ErrorContext(ctx, "Redis has refused writes that follow a job's change; they are tried again with the job's next change: "+
			"run \"spillway doctor\", which names missing permissions", "jobs", found.Undone)
	}
	if len(found.Corrected) > 0 {
		w.Log.WarnContext(ctx, "counters of jobs were wrong and have been corrected", "off_by", found.Corrected)
	}
	return nil
}
