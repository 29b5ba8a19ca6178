// Package buildinfo identifies the build of the program.
package buildinfo

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// The build sets these with -ldflags "-X" where the source has no history to
// read them from, as in a container image. Otherwise they are empty.
var version, revision string

// Info describes the program: its version, the commit it was built from and
// the compiler. What the build did not record is "unknown".
type Info struct{ Version, Revision, Compiler, platform string }

// Read returns what the linker and the Go toolchain recorded. A revision
// with uncommitted changes ends in "-dirty".
func Read() Info {
	b := Info{version, revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		b.Revision = cmp.Or(b.Revision, vcsRevision(info.Settings))
	}
	b.Version, b.Revision = cmp.Or(b.Version, "unknown"), cmp.Or(b.Revision, "unknown")
	return b
}

// vcsRevision returns the commit among the settings of a build, or "".
func vcsRevision(settings []debug.BuildSetting) string {
	var commit, dirty string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty
}

func (b Info) String() string {
	return fmt.Sprintf("spillway %s (revision %s, %s, %s)", b.Version, b.Revision, b.Compiler, b.platform)
}
