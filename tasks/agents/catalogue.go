package agents

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	"github.com/topcentral/spillway/tasks"
)

// builtinFS holds the built-in folders. Adding one here is all it takes.
//
//go:embed a[0-9][0-9]_*
var builtinFS embed.FS

// builtinPath is where a person finds the built-in folders.
const builtinPath = "tasks/agents"

// Catalogue knows the agents by ID. It is safe for concurrent use.
type Catalogue struct {
	overlay string // the user's directory; "" for none
	log     *slog.Logger

	builtin map[string]*Agent
	loaded  map[string]overlaid // by folder of the overlay; only Open and Watch touch it
	view    atomic.Pointer[view]
}

// view is what readers see. It is replaced as a whole and never changed.
type view struct {
	byID   map[string]*Agent
	sorted []*Agent
	faults []tasks.AgentFault
}

// overlaid is what is known of one folder of the overlay.
type overlaid struct {
	seen  string // digest of the folder when it was last read, good or bad
	tried string // digest of the folder when it was last loaded, good or bad
	agent *Agent // the last good version; nil: there was none
	gone  bool   // the folder was missing at the last look
}

// Open loads the built-in agents and lays those in the directory overlay over
// them; "" means the built-in ones alone. Anything that does not load, here or
// there, is an error that names its file and line.
func Open(overlay string, log *slog.Logger) (*Catalogue, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Catalogue{overlay: overlay, log: log, loaded: map[string]overlaid{}}
	folders, err := readFolders(builtinFS, builtinPath)
	if err != nil {
		return nil, err
	}
	all, err := loadAll(folders)
	if err != nil {
		return nil, fmt.Errorf("built-in agents: %w", err)
	}
	if c.builtin, err = byID(all); err != nil {
		return nil, fmt.Errorf("built-in agents: %w", err)
	}
	if overlay != "" {
		if err := c.openOverlay(); err != nil {
			return nil, fmt.Errorf("agents in %s: %w", overlay, err)
		}
	}
	c.publish()
	return c, nil
}

// openOverlay loads every folder of the overlay; all must be good.
func (c *Catalogue) openOverlay() error {
	folders, err := readFolders(os.DirFS(c.overlay), c.overlay)
	if err != nil {
		return err
	}
	all, err := loadAll(folders)
	if err != nil {
		return err
	}
	for i, f := range folders {
		c.loaded[f.base()] = overlaid{seen: all[i].Version, tried: all[i].Version, agent: all[i]}
	}
	_, err = byID(all)
	return err
}

// loadAll loads folders in order, and tells what is wrong with any of them.
func loadAll(folders []*folder) ([]*Agent, error) {
	all := make([]*Agent, len(folders))
	errs := make([]error, len(folders))
	for i, f := range folders {
		all[i], errs[i] = load(f)
	}
	return all, errors.Join(errs...)
}

// byID indexes agents, and refuses two with one ID.
func byID(all []*Agent) (map[string]*Agent, error) {
	index := make(map[string]*Agent, len(all))
	for _, a := range all {
		if _, twice := index[a.ID]; twice {
			return nil, fmt.Errorf("two folders hold agent %s; remove or rename one", a.ID)
		}
		index[a.ID] = a
	}
	return index, nil
}

// publish shows readers the built-in agents with the loaded ones over them.
func (c *Catalogue) publish() {
	index := maps.Clone(c.builtin)
	for _, o := range c.loaded {
		if o.agent != nil {
			index[o.agent.ID] = o.agent
		}
	}
	sorted := slices.SortedFunc(maps.Values(index), func(a, b *Agent) int { return cmp.Compare(a.ID, b.ID) })
	c.view.Store(&view{byID: index, sorted: sorted})
}

// Lookup returns the agent of that ID. It is the version of this moment; a
// later edit gives a new Agent and leaves this one as it is.
func (c *Catalogue) Lookup(id string) (*Agent, bool) {
	a, ok := c.view.Load().byID[id]
	return a, ok
}

// All returns every agent, sorted by ID. The caller may keep and change the
// slice.
func (c *Catalogue) All() []*Agent { return slices.Clone(c.view.Load().sorted) }

// Versions returns the version of every agent, by ID.
func (c *Catalogue) Versions() map[string]string {
	all := c.view.Load().sorted
	versions := make(map[string]string, len(all))
	for _, a := range all {
		versions[a.ID] = a.Version
	}
	return versions
}

// Faults lists the folders that are refused, in order of their names.
func (c *Catalogue) Faults() []tasks.AgentFault { return c.view.Load().faults }
