package agents

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is an agent's folder in a form that can be sent and kept.
type Folder struct {
	Name  string            `json:"name"`  // such as a02_opportunity_scoring
	Files map[string]string `json:"files"` // by slash-separated name inside the folder
}

// ReadFolder reads the folder dir of one agent, and checks nothing.
func ReadFolder(dir string) (*Folder, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	sent := &Folder{Name: f.base(), Files: make(map[string]string, len(f.files))}
	for name, data := range f.files {
		sent.Files[name] = string(data)
	}
	return sent, nil
}

// Load compiles the agent in the folder, as LoadDir does.
func (f *Folder) Load() (*Agent, error) { return load(f.folder()) }

// folder returns the folder as the loader takes it. Its files are shown under
// "pushed", so that they are not looked for on a disk.
func (f *Folder) folder() *folder {
	read := &folder{path: filepath.Join("pushed", filepath.Base(f.Name)), files: make(map[string][]byte, len(f.Files))}
	for name, text := range f.Files {
		read.files[name] = []byte(text)
	}
	return read
}

// SetPushed replaces the pushed agents, by ID. They lie over the built-in ones and
// below those of the overlay. One that does not load, or fails its examples or its
// trial, is a fault, and the version before it stays; nil is one that cannot be
// read.
func (c *Catalogue) SetPushed(folders map[string]*Folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[string]overlaid{}
	for _, id := range slices.Sorted(maps.Keys(folders)) {
		key := strings.ToLower(id)
		o := c.pushed[key]
		f := &folder{path: filepath.Join("pushed", key), err: errors.New("pushed agent " + id + " cannot be read; push it again")}
		if folders[id] != nil {
			f = folders[id].folder()
		}
		if digest := f.digest(); o.tried != digest {
			o.tried = digest
			c.reload(next, f, &o, o.agent == nil)
		}
		next[key] = o
	}
	for key, o := range c.pushed {
		if _, stays := next[key]; !stays && o.agent != nil {
			c.log.Info("pushed agent removed", "agent", o.agent.ID, "version", o.agent.Version)
		}
	}
	c.pushed = next
	c.publish()
}
