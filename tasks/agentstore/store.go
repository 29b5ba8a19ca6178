// Package agentstore keeps agents in Redis, from where every API and worker takes
// them over: [Store.Push] makes a folder the current version of its agent,
// [Store.Switch] goes back to one that is kept, and [Store.Follow] gives a
// catalogue what is current.
package agentstore

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/agents"
)

const (
	// kept is how many versions of an agent are kept.
	kept = 20
	// maxFolder bounds a folder, in bytes.
	maxFolder = 1 << 20
)

// The keys. The braces put them into one slot of a cluster.
const (
	currentKey    = "spillway:{agents}:current" // hash: ID → version; "#revision" → number of changes
	revisionField = "#revision"
)

func foldersKey(id string) string { return "spillway:{agents}:folders:" + id } // hash: version → JSON of Version
func historyKey(id string) string { return "spillway:{agents}:history:" + id } // list: versions, newest first

var (
	//go:embed lua/push.lua
	pushSource string
	//go:embed lua/switch.lua
	switchSource string

	pushScript   = redis.NewScript(pushSource)
	switchScript = redis.NewScript(switchSource)
)

// Store keeps pushed agents. It is safe for concurrent use.
type Store struct{ rdb redis.UniversalClient }

// New returns a Store on rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient) *Store { return &Store{rdb} }

// Version is one version of a pushed agent.
type Version struct {
	ID      string         `json:"id"`
	Version string         `json:"version"`
	At      time.Time      `json:"at"` // when it was pushed
	By      string         `json:"by"`
	Folder  *agents.Folder `json:"folder,omitempty"`
	Current bool           `json:"-"`
}

// Push keeps a folder and makes it the current version of its agent. The caller
// has checked it.
func (s *Store) Push(ctx context.Context, f *agents.Folder, by string) (*Version, error) {
	a, err := f.Load()
	if err != nil {
		return nil, err
	}
	v := &Version{ID: a.ID, Version: a.Version, At: time.Now().UTC().Truncate(time.Second), By: by, Folder: f, Current: true}
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode agent: %w", err)
	}
	if len(body) > maxFolder {
		return nil, fmt.Errorf("the folder %s has %d KiB, at most %d can be pushed", f.Name, len(body)>>10, maxFolder>>10)
	}
	err = pushScript.Run(ctx, s.rdb, []string{currentKey, foldersKey(a.ID), historyKey(a.ID)}, a.ID, a.Version, body, kept).Err()
	if err != nil {
		return nil, fmt.Errorf("push agent %s: %w", a.ID, err)
	}
	return v, nil
}

// Versions returns the versions of an agent that are kept, newest first, without
// their folders. None: it was never pushed.
func (s *Store) Versions(ctx context.Context, id string) ([]Version, error) {
	names, err := s.rdb.LRange(ctx, historyKey(id), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read versions of agent %s: %w", id, err)
	}
	current, _, err := s.Current(ctx)
	if err != nil {
		return nil, err
	}
	var all []Version
	for _, name := range names {
		v, err := s.version(ctx, id, name)
		if err != nil {
			return nil, err
		}
		if v != nil {
			v.Folder, v.Current = nil, current[id] == name
			all = append(all, *v)
		}
	}
	return all, nil
}

// Switch makes a version that is kept the current one. It may be given by the
// first digits of its name; "" is the one before the current version, or the
// newest of an agent that was removed.
func (s *Store) Switch(ctx context.Context, id, version string) (*Version, error) {
	all, err := s.Versions(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("agent %s was never pushed; \"spillway agents versions\" lists those that were", id)
	}
	to, err := choose(all, version)
	if err != nil {
		return nil, fmt.Errorf("agent %s: %w", id, err)
	}
	switch n, err := s.set(ctx, id, to.Version); {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, fmt.Errorf("agent %s has no version %s any more; see \"spillway agents versions %s\"", id, to.Version, id)
	}
	to.Current = true
	return to, nil
}

// choose returns the version that is asked for.
func choose(all []Version, version string) (*Version, error) {
	if version == "" {
		at := slices.IndexFunc(all, func(v Version) bool { return v.Current }) + 1
		if at == len(all) {
			return nil, errors.New("no version before the current one is kept")
		}
		return &all[at], nil
	}
	var found []Version
	for _, v := range all {
		if strings.HasPrefix(v.Version, version) {
			found = append(found, v)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no version %s is kept; see \"spillway agents versions\"", version)
	case 1:
		return &found[0], nil
	}
	return nil, fmt.Errorf("%d versions begin with %s; give more of it", len(found), version)
}

// Remove takes an agent back: the built-in one of the same ID, if there is one, is
// in use again. Its versions are kept. It reports whether the agent was there.
func (s *Store) Remove(ctx context.Context, id string) (bool, error) {
	n, err := s.set(ctx, id, "")
	return n > 0, err
}

func (s *Store) set(ctx context.Context, id, version string) (int64, error) {
	n, err := switchScript.Run(ctx, s.rdb, []string{currentKey, foldersKey(id)}, id, version).Int64()
	if err != nil {
		return 0, fmt.Errorf("switch agent %s: %w", id, err)
	}
	return n, nil
}

// Current returns the current versions by ID, and a number that grows with every
// change.
func (s *Store) Current(ctx context.Context) (map[string]string, int64, error) {
	current, err := s.rdb.HGetAll(ctx, currentKey).Result()
	if err != nil {
		return nil, 0, fmt.Errorf("read pushed agents: %w", err)
	}
	revision, _ := strconv.ParseInt(current[revisionField], 10, 64) // none: 0
	delete(current, revisionField)
	return current, revision, nil
}

// version returns a version with its folder, nil when it is not kept.
func (s *Store) version(ctx context.Context, id, version string) (*Version, error) {
	body, err := s.rdb.HGet(ctx, foldersKey(id), version).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read version %s of agent %s: %w", version, id, err)
	}
	var v Version
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("decode version %s of agent %s: %w", version, id, err)
	}
	return &v, nil
}

// pushed returns the current folders by ID. One that cannot be read is nil.
func (s *Store) pushed(ctx context.Context) (map[string]*agents.Folder, int64, error) {
	current, revision, err := s.Current(ctx)
	if err != nil {
		return nil, 0, err
	}
	folders := make(map[string]*agents.Folder, len(current))
	for id, version := range current {
		v, err := s.version(ctx, id, version)
		if err != nil && !isDecoding(err) {
			return nil, 0, err
		}
		folders[id] = nil
		if v != nil {
			folders[id] = v.Folder
		}
	}
	return folders, revision, nil
}

func isDecoding(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, typed := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || typed
}

// unavailable is the error of a Redis that could not be read.
func unavailable(err error) error {
	return tasks.Errorf(tasks.CodeUnavailable, "the pushed agents cannot be read; try again shortly").WithCause(err)
}
