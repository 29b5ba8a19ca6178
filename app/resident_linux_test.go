package app

import (
	"os"
	"testing"

	"github.com/topcentral/spillway/lab/footprint"
)

func TestAProgramRunsOnWhenItsPagesAreGone(t *testing.T) {
	mapped := func() int64 {
		t.Helper()
		p, err := footprint.ReadProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return p.Resident - p.Anonymous
	}
	before := mapped()
	unmapProgram()
	if after := mapped(); after > before-(1<<20) {
		t.Errorf("%d bytes of files are mapped, and were %d before", after, before)
	}
}
