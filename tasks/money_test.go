package tasks_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		m    tasks.Money
		want string
	}{
		{0, "0"}, {1, "0.000000000001"}, {tasks.Dollar, "1"}, {-tasks.Dollar / 4, "-0.25"},
		{12_500_000, "0.0000125"}, {math.MaxInt64, "9223372.036854775807"},
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		var back tasks.Money
		if err := json.Unmarshal([]byte(`"`+c.want+`"`), &back); err != nil || back != c.m {
			t.Errorf("%s: read back %d, %v", c.want, back, err)
		}
	}
	for _, bad := range []string{"", ".5", "1e3", "0.0000000000001", "99999999999", "$1", "--1", "+1"} {
		var m tasks.Money
		if err := m.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read as %s", bad, m)
		}
	}
}
