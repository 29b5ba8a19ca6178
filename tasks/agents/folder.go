package agents

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The files of an agent's folder. Examples are examples/*.json, and prompt*.md
// the prompts that variants may ask with; other files are the author's own and
// are not read.
const (
	definitionFile   = "agent.yaml"
	promptFile       = "prompt.md"
	inputSchemaFile  = "input.schema.json"
	outputSchemaFile = "output.schema.json"
	scorecardFile    = "scorecard.yaml"
	exampleGlob      = "examples/*.json"
	promptGlob       = "prompt*.md"
)

const (
	maxFileSize = 256 << 10
	maxExamples = 100
	digestBytes = 8 // of the SHA-256 digest that serve as the version
)

// folder is an agent's folder as it was read: nothing in it is checked yet.
type folder struct {
	path  string            // as a person would type it, for errors
	files map[string][]byte // by slash-separated name inside the folder
	err   error             // why it could not be read as a whole
}

// readFolder reads the folder dir of fsys; shown is its path for errors.
func readFolder(fsys fs.FS, dir, shown string) (*folder, error) {
	names := []string{definitionFile, promptFile, inputSchemaFile, outputSchemaFile, scorecardFile}
	examples, err := fs.Glob(fsys, path.Join(dir, exampleGlob))
	if err != nil {
		return nil, fmt.Errorf("%s: list examples: %w", shown, err)
	}
	if len(examples) > maxExamples {
		return nil, fmt.Errorf("%s: %d examples, at most %d are read", shown, len(examples), maxExamples)
	}
	for _, e := range examples {
		names = append(names, path.Join("examples", path.Base(e)))
	}
	prompts, err := fs.Glob(fsys, path.Join(dir, promptGlob))
	if err != nil {
		return nil, fmt.Errorf("%s: list prompts: %w", shown, err)
	}
	for _, p := range prompts {
		if path.Base(p) != promptFile {
			names = append(names, path.Base(p))
		}
	}
	f := &folder{path: shown, files: make(map[string][]byte, len(names))}
	for _, name := range names {
		data, err := readFile(fsys, path.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.shown(name), err)
		}
		f.files[name] = data
	}
	return f, nil
}

// readFile reads one file of bounded size.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("larger than %d KiB", maxFileSize>>10)
	}
	return data, nil
}

// base returns the folder's own name.
func (f *folder) base() string { return filepath.Base(f.path) }

// shown returns the path of one of the folder's files, for errors.
func (f *folder) shown(name string) string {
	return filepath.Join(f.path, filepath.FromSlash(name))
}

// need returns a file that every agent has.
func (f *folder) need(name string) ([]byte, error) {
	data, ok := f.files[name]
	if !ok {
		return nil, errorAt(f.shown(name), 0, "the file is missing; every agent needs one")
	}
	return data, nil
}

// examples lists the names of the example files, sorted.
func (f *folder) examples() []string {
	names := slices.Sorted(maps.Keys(f.files))
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "examples/") })
}

// digest returns a short hex digest that changes with any file of the folder.
func (f *folder) digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		// Lengths keep the boundary between a name and its data unambiguous.
		_, _ = fmt.Fprintf(h, "%d %s %d ", len(name), name, len(f.files[name])) // a hash takes everything
		_, _ = h.Write(f.files[name])
	}
	if f.err != nil {
		_, _ = io.WriteString(h, f.err.Error())
	}
	return hex.EncodeToString(h.Sum(nil)[:digestBytes])
}

// readFolders reads every folder of an agent in the directory fsys, which a
// person knows as root. Hidden folders and plain files are passed over;
// symbolic links are followed, as mounted config maps need.
func readFolders(fsys fs.FS, root string) ([]*folder, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read agents in %s: %w", root, err)
	}
	var all []*folder
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := fs.Stat(fsys, e.Name())
		if err != nil || !info.IsDir() {
			continue
		}
		f, err := readFolder(fsys, e.Name(), filepath.Join(root, e.Name()))
		if err != nil {
			f = &folder{path: filepath.Join(root, e.Name()), err: err}
		}
		all = append(all, f)
	}
	return all, nil
}
