package limits

import "testing"

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"kimi:rpm=60,concurrency=4;deepseek/deepseek-v4-pro:concurrency=100", "a:rpm=-1", ":", ";;", "a:tpm=99999999999999999999"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		var s Settings
		_ = s.UnmarshalText(text)
	})
}
