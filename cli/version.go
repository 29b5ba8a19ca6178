package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// The build sets these with -ldflags "-X" where the source has no history to
// read them from, as in a container image. Otherwise they are empty.
var version, revision string

// build describes the program: its version, the commit it was built from and
// the compiler. What the build did not record is "unknown".
type build struct{ version, revision, compiler, platform string }

// thisBuild returns what the linker and the Go toolchain recorded. A revision
// with uncommitted changes ends in "-dirty".
func thisBuild() build {
	b := build{version, revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.version = cmp.Or(b.version, info.Main.Version)
		b.revision = cmp.Or(b.revision, vcsRevision(info.Settings))
	}
	b.version, b.revision = cmp.Or(b.version, "unknown"), cmp.Or(b.revision, "unknown")
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

func (b build) String() string {
	return fmt.Sprintf("spillway %s (revision %s, %s, %s)", b.version, b.revision, b.compiler, b.platform)
}

type versionCommand struct{}

// Help shows an example.
func (versionCommand) Help() string {
	return "Prints version, revision, compiler and platform on one line.\n\nExample:\n  spillway version"
}

// Run prints the build.
func (versionCommand) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, thisBuild())
	return err
}
