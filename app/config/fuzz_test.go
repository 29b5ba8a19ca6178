package config

import (
	"encoding"
	"testing"
)

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		"extreme=deepseek,kimi;low=minimax", "farm=http://10.0.0.9:8000/v1,x=", "acme=local_only,*=mask", "Asia/Shanghai", "../../etc/passwd", "16385", "fsync", "required", "=;,", "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for _, setting := range []encoding.TextUnmarshaler{
			new(cloudOrder), new(compatibleServers), new(privacyMinimum), new(Zone), new(Shards), new(Durability), new(Authentication),
		} {
			_ = setting.UnmarshalText([]byte(text))
		}
	})
}
