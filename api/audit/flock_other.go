//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package audit

import (
	"errors"
	"os"
)

// flock refuses: where files cannot be locked, two processes could break one
// chain.
func flock(*os.File) error { return errors.ErrUnsupported }
