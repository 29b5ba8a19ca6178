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
		if is.Full {
			w.Log.WarnContext(ctx, "this machine is too busy; no further local jobs are taken", "cpu", is.CPU, "memory", is.Memory)
		} else {
			w.Log.InfoContext(ctx, "this machine has room for local jobs again", "cpu", is.CPU, "memory", is.Memory)
		}
	}
	return nil
}
