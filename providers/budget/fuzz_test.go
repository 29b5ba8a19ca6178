package budget

import "testing"

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"tenant:acme=10/day,provider:deepseek=50/month", "tenant:*=1/day", "agent:A03=0.000000000001/day", "=", "a:b=1e9/day", "tenant:a=-1/day"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		var s Settings
		_ = s.UnmarshalText(text)
	})
}
