package config

import (
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestPrivacyMinimum(t *testing.T) {
	for _, test := range []struct {
		setting      string
		acme, others tasks.Privacy
	}{
		{"mask", tasks.Masked, tasks.Masked},
		{"acme=local_only, *=mask", tasks.LocalOnly, tasks.Masked},
		{"acme=local_only", tasks.LocalOnly, ""},
	} {
		var m privacyMinimum
		if err := m.UnmarshalText([]byte(test.setting)); err != nil {
			t.Fatalf("%s: %v", test.setting, err)
		}
		if m.Of("acme") != test.acme || m.Of("other") != test.others {
			t.Errorf("%s: acme %q, others %q", test.setting, m.Of("acme"), m.Of("other"))
		}
	}
	for _, bad := range []string{"", "masked", "acme=", "=mask", "mask,any", "acme=mask,acme=any"} {
		if err := new(privacyMinimum).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
