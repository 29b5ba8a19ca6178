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
	"strings"
	"sync"
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
	mu      sync.Mutex          // guards the layers
	loaded  map[string]overlaid // by folder of the overlay
	pushed  map[string]overlaid // by folder; from the place that all processes share
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
	seen  string            // digest of the folder when it was last read, good or bad
	tried string            // digest of the folder when it was last loaded, good or bad
	agent *Agent            // the last good version; nil: there was none
	gone  bool              // the folder was missing at the last look
	fault *tasks.AgentFault // what is wrong with it now; nil: nothing
}

// Open loads the built-in agents and lays those in the directory overlay over
// them; "" means the built-in ones alone. A folder of the overlay that does not
// load is a fault, see [Catalogue.Faults], and leaves the others as they are; the
// agent that it would have replaced is not there either, since it may allow what
// the folder forbids. A folder whose examples fail is used and is a fault.
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

// openOverlay loads every folder of the overlay.
func (c *Catalogue) openOverlay() error {
	folders, err := readFolders(os.DirFS(c.overlay), c.overlay)
	if err != nil {
		return err
	}
	for _, f := range folders {
		o := overlaid{seen: f.digest(), tried: f.digest()}
		c.reload(c.loaded, f, &o, true)
		c.loaded[f.base()] = o
	}
	return nil
}

// loadAll loads folders in order, and returns the faults of each.
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

// publish shows readers the built-in agents with the pushed ones over them, and
// those of the overlay over both.
func (c *Catalogue) publish() {
	index := maps.Clone(c.builtin)
	c.lay(index, c.pushed)
	c.lay(index, c.loaded)
	sorted := slices.SortedFunc(maps.Values(index), func(a, b *Agent) int { return cmp.Compare(a.ID, b.ID) })
	c.view.Store(&view{byID: index, sorted: sorted, faults: append(faultsIn(c.pushed), faultsIn(c.loaded)...)})
}

// lay puts the agents of one layer over those in index. Of a folder that was never
// good it removes the folder below it.
func (c *Catalogue) lay(index map[string]*Agent, layer map[string]overlaid) {
	for name, o := range layer {
		if o.agent == nil {
			delete(index, idOf(name))
		}
	}
	for _, o := range layer {
		if o.agent != nil {
			index[o.agent.ID] = o.agent
		}
	}
}

// faultsIn lists the faults of a layer in order of its folders.
func faultsIn(layer map[string]overlaid) []tasks.AgentFault {
	var all []tasks.AgentFault
	for _, name := range slices.Sorted(maps.Keys(layer)) {
		if o := layer[name]; o.fault != nil {
			all = append(all, *o.fault)
		}
	}
	return all
}

// idOf returns the ID of the agent that a folder of this name holds.
func idOf(folder string) string {
	id, _, _ := strings.Cut(folder, "_")
	return strings.ToUpper(id)
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
