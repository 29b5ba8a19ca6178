package config

import (
	"errors"
	"strings"
	"testing"
)

func TestLogsHoldNoKeys(t *testing.T) {
	const key = "spw_live_4fQ0aT2bXk9Z_" + "0123456789012345678901234567890123456789012345678"
	for _, format := range []string{logText, logJSON} {
		var out strings.Builder
		log := NewLog(Config{LogFormat: format}, &out)
		log.Error("refused "+key, "header", "Bearer "+key, "error", errors.New("bad "+key), "all", []string{"x", key}, "n", 7)
		if strings.Contains(out.String(), "0123456789") || strings.Count(out.String(), "spw_live_4fQ0aT2bXk9Z_***") != 4 {
			t.Errorf("%s: got %s", format, out.String())
		}
	}
}
