package agents

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
)

// pollEvery is how often Watch looks. A folder is loaded once two looks in a
// row found it the same, so that an editor that is still saving is let finish.
const pollEvery = time.Second

// Watch re-reads the overlay while it changes, until ctx ends, and then
// returns nil. A folder that does not load is refused, with file and line in
// the log, and its last good version stays; a folder that is removed uncovers
// the built-in agent. Without an overlay Watch only waits for ctx. Only one
// Watch may run at a time.
//
// It reads the files rather than ask the kernel for events: some tens of
// small files cost nothing, and it sees every kind of save, rename and new
// folder, also on network and container mounts, where events do not come.
func (c *Catalogue) Watch(ctx context.Context) error {
	if c.overlay == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	unreadable := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		folders, err := readFolders(os.DirFS(c.overlay), c.overlay)
		if err != nil {
			if unreadable != err.Error() {
				c.log.Warn("agents cannot be read, the last good versions stay", "overlay", c.overlay, "error", err)
			}
			unreadable = err.Error()
			continue
		}
		unreadable = ""
		c.update(folders)
	}
}

// update applies the changes in the overlay that have settled.
func (c *Catalogue) update(folders []*folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.forget(folders)
	for _, f := range folders {
		o, digest := c.loaded[f.base()], f.digest()
		settled := o.seen == digest
		o.seen, o.gone = digest, false
		if settled && o.tried != digest {
			o.tried = digest
			c.reload(c.loaded, f, &o, false)
			changed = true // in what is there, or in what is at fault
		}
		c.loaded[f.base()] = o
	}
	if changed {
		c.publish()
	}
}

// forget drops folders that two looks in a row did not find, and reports
// whether one was in use. It then gives those a new chance that were refused,
// perhaps because the dropped one held their ID.
func (c *Catalogue) forget(folders []*folder) (changed bool) {
	for name, o := range c.loaded {
		if slices.ContainsFunc(folders, func(f *folder) bool { return f.base() == name }) {
			continue
		}
		if !o.gone {
			o.gone = true
			c.loaded[name] = o
			continue
		}
		delete(c.loaded, name)
		changed = true
		if o.agent != nil {
			c.log.Info("agent removed", "agent", o.agent.ID, "folder", name)
		}
	}
	for name, o := range c.loaded {
		if changed && o.agent == nil {
			o.tried = ""
			c.loaded[name] = o
		}
	}
	return changed
}

// reload loads a folder of a layer into o. One that does not load, or whose examples or trial
// fail, is a fault, and the last good version stays; with none before it, a folder
// that loads is used all the same if first is set.
func (c *Catalogue) reload(layer map[string]overlaid, f *folder, o *overlaid, first bool) {
	a, err := load(f)
	if err == nil {
		err = clash(layer, f, a)
	}
	loads := err == nil
	if loads {
		err = a.verify()
	}
	if err == nil || loads && first {
		o.agent = a
		c.log.Info("agent loaded", "agent", a.ID, "version", a.Version, "folder", f.path)
	}
	if o.fault = nil; err != nil {
		o.fault = faultOf(f, o.agent, err)
		c.log.Error("agent's folder is at fault; correct it", "folder", f.path, "in_use", cmp.Or(o.fault.Kept, "none"), "error", err.Error())
	}
}

// maxFaultDetail bounds what is kept of a folder's faults, in characters: workers
// send it with every heartbeat.
const maxFaultDetail = 1500

// faultOf says what is wrong with a folder, and which version stays in use.
func faultOf(f *folder, inUse *Agent, err error) *tasks.AgentFault {
	fault := &tasks.AgentFault{Agent: idOf(f.base()), Source: f.path, Detail: cut(err.Error(), maxFaultDetail), Since: time.Now().UTC().Truncate(time.Second)}
	if inUse != nil {
		fault.Kept = inUse.Version
	}
	return fault
}

// clash refuses an agent whose ID another folder of the layer holds.
func clash(layer map[string]overlaid, f *folder, a *Agent) error {
	for name, o := range layer {
		if o.agent != nil && o.agent.ID == a.ID && name != f.base() {
			return fmt.Errorf("%s: the folder %s holds agent %s already; remove or rename one", f.path, name, a.ID)
		}
	}
	return nil
}
