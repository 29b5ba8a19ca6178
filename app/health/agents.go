package health

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
)

// ThisProcess is the worker name of the process that answers the request.
const ThisProcess = "this process"

// OfAgents says of every agent which live workers have it, in which versions,
// and what is wrong. The process that is asked may be among them as ThisProcess;
// pushed are the current versions of pushed agents.
func OfAgents(all []tasks.Worker, pushed map[string]string) []api.AgentHealth {
	ids := map[string]bool{}
	for _, w := range all {
		for id := range w.Agents {
			ids[id] = true
		}
		for _, f := range w.AgentFaults {
			ids[f.Agent] = true
		}
	}
	for id := range pushed {
		ids[id] = true
	}
	health := make([]api.AgentHealth, 0, len(ids))
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		health = append(health, ofAgent(id, all, pushed[id]))
	}
	return health
}

// ofAgent judges one agent.
func ofAgent(id string, workers []tasks.Worker, pushed string) api.AgentHealth {
	h := api.AgentHealth{ID: id, Status: api.HealthOK, Versions: []string{}}
	var unpushed, details []string
	versions, live, silent := map[string]bool{}, 0, 0
	for _, w := range workers {
		if w.ID != ThisProcess {
			live++
		}
		version, ok := w.Agents[id]
		switch {
		case w.Agents == nil:
			silent++ // of a version that does not say
		case !ok:
			h.Lacking = append(h.Lacking, w.ID)
		default:
			versions[version] = true
			if pushed != "" && version != pushed {
				unpushed = append(unpushed, w.ID)
			}
			if w.ID != ThisProcess {
				h.Workers++
			}
		}
	}
	h.Versions = slices.AppendSeq(h.Versions, maps.Keys(versions))
	slices.Sort(h.Versions)
	switch {
	case len(versions) == 0 && pushed == "":
		h.Lacking = nil // it is but a folder that some process refuses
	case h.Workers == 0 && silent == 0 && live > 0:
		h.Status = api.HealthUnavailable
		details = append(details, "no live worker has it, so its jobs wait until their deadlines; push its folder with \"spillway agents push\"")
	case len(h.Lacking) > 0:
		h.Status = api.HealthDegraded
		details = append(details, fmt.Sprintf("missing in %s; push its folder with \"spillway agents push\", or install it there", strings.Join(h.Lacking, ", ")))
	}
	if len(unpushed) > 0 {
		details = append(details, fmt.Sprintf("the pushed version %s is not in use in %s: a folder of their own goes before it, or they refuse it", pushed, strings.Join(unpushed, ", ")))
	} else if len(versions) > 1 {
		details = append(details, "its versions differ between processes, as during an upgrade")
	}
	for _, w := range workers {
		for _, f := range w.AgentFaults {
			if f.Agent == id {
				if h.Status == api.HealthOK {
					h.Status = api.HealthDegraded
				}
				details = append(details, faultDetail(w.ID, f))
			}
		}
	}
	h.Detail = strings.Join(details, "; ")
	return h
}

// faultDetail says what is wrong with a folder, in one line.
func faultDetail(where string, f tasks.AgentFault) string {
	what, more, _ := strings.Cut(f.Detail, "\n")
	if n := strings.Count(more, "\n"); more != "" {
		what += fmt.Sprintf(" (and %d more)", n+1)
	}
	inUse := "the agent is not there"
	if f.Kept != "" {
		inUse = "in use is version " + f.Kept
	}
	return fmt.Sprintf("%s refuses %s since %s, %s: %s", where, f.Source, f.Since.Format(time.RFC3339), inUse, what)
}
