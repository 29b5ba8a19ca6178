package worker

import "context"

// measureHost measures the machine, and logs when it becomes too busy for local jobs
// and when it has room again.
func (w *Worker) measureHost(ctx context.Context) error {
	was := w.host.Full()
	if err := w.host.Measure(ctx, len(w.gpu) == cap(w.gpu)); err != nil {
		return err
	}
	if is := w.host.State(); is.Full != was {
		w.Log.InfoContext(ctx, "the load of this machine has changed whether local jobs are taken", "taken", !is.Full, "cpu", is.CPU, "memory", is.Memory)
	}
	return nil
}
