package audit

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/topcentral/spillway/api/access"
)

// restoreEvery is how often the log tries to make a released reserve anew.
const restoreEvery = 10 * time.Second

// reserve is space on the disk that is kept for the lines of operators: a file
// beside the log, which is removed when the disk is full.
type reserve struct {
	path string
	size int64 // in bytes; none if negative
	sync func(*os.File) error
	held bool // the file is there
}

// make creates the file. It needs twice the space for a moment: on a disk that is
// almost full, tenants would otherwise be accepted and refused in turn.
func (r *reserve) make() (err error) {
	if info, err := os.Stat(r.path); err == nil && info.Size() == r.size {
		r.held = true // since the process before
	}
	if r.held || r.size < 0 {
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if r.held = err == nil; !r.held {
			_ = os.Remove(r.path)
		}
	}()
	// Random bytes, since file systems that compress keep no space for others.
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), 2*r.size); err != nil {
		return err
	}
	if err := r.sync(f); err != nil {
		return err
	}
	return f.Truncate(r.size)
}

// missing reports whether the file should be there and is not.
func (r *reserve) missing() bool { return !r.held && r.size >= 0 }

// release removes the file, and reports whether there was one.
func (r *reserve) release() bool {
	if !r.held {
		return false
	}
	r.held = false
	return os.Remove(r.path) == nil
}

// diskFull reports whether err says that there is no space left.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// mayUseReserve reports whether the change that ctx belongs to may be recorded in
// the reserve: one by an operator, or by the installation itself.
func mayUseReserve(ctx context.Context) bool {
	p := access.From(ctx)
	return p.Method == "" || p.Can(access.AdminRead) || p.Can(access.AdminWrite)
}
