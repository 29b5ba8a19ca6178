package cli

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/redistest"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// The map of a masked job is read with the workers' key, and with no other.
func TestUnmask(t *testing.T) {
	text := func(fill string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 32))) }
	key, err := privacy.ParseKey(text("a"))
	if err != nil {
		t.Fatal(err)
	}
	mask, err := privacy.New(privacy.Options{Key: key.ForJob("job_1")}, []byte(`{"contact":"王小明"}`))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.Seal(mask, "job_1")
	if err != nil {
		t.Fatal(err)
	}
	rdb := redistest.Embedded(t)
	jobs := store.New(rdb, store.DefaultConfig())
	defer jobs.Close()
	if err := jobs.KeepMask(t.Context(), &tasks.Job{ID: "job_1", Deadline: time.Now(), Retention: tasks.Duration(time.Hour)}, sealed); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SPILLWAY_REDIS_URL", "redis://"+rdb.Options().Addr)
	for _, c := range []struct {
		name, key string
		args      []string
		code      int
		says      string
	}{
		{"with the key", text("a"), []string{"job_1"}, exitOK, "王小明\n"},
		{"as JSON", text("a"), []string{"job_1", "--json"}, exitOK, `": "王小明"`},
		{"with another key", text("b"), []string{"job_1"}, exitError, "SPILLWAY_PRIVACY_KEY to the key that the workers had"},
		{"without a key", "", []string{"job_1"}, exitError, "SPILLWAY_PRIVACY_KEY is not set"},
		{"another job", text("a"), []string{"job_2"}, exitError, `no map is kept for "job_2"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SPILLWAY_PRIVACY_KEY", c.key)
			out, errs, code := command(t, append([]string{"unmask"}, c.args...)...)
			if code != c.code || !strings.Contains(out+errs, c.says) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, c.code, c.says, out, errs)
			}
		})
	}
}
