package config

import "testing"

func TestTenantWeights(t *testing.T) {
	var m tenantWeights
	if err := m.UnmarshalText([]byte("acme=3, free=0.5")); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]float64{"acme": 3, "free": 0.5, "other": 1} {
		if got := m.Of(tenant); got != want {
			t.Errorf("%s: got %g, want %g", tenant, got, want)
		}
	}
	for _, wrong := range []string{"acme", "acme=", "acme=0", "acme=-1", "acme=NaN", "acme=1,acme=2", "=2", "acme=1e9"} {
		if err := m.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}
