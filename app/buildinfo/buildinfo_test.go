package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestVCSRevision(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "abc"}
	for want, settings := range map[string][]debug.BuildSetting{
		"":          nil,
		"abc":       {commit, {Key: "vcs.modified", Value: "false"}},
		"abc-dirty": {{Key: "vcs.modified", Value: "true"}, commit},
	} {
		if got := vcsRevision(settings); got != want {
			t.Errorf("%v: got %q, want %q", settings, got, want)
		}
	}
}
