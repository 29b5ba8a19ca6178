package providers_test

import (
	"math"
	"testing"

	"github.com/topcentral/spillway/providers"
)

func TestMoneyIsWrittenInDollars(t *testing.T) {
	for amount, want := range map[providers.PicoUSD]string{
		0: "0", 1: "0.000000000001", 12 * providers.Dollar: "12", providers.Dollar / 100: "0.01",
		-3 * providers.Dollar / 2: "-1.5", math.MaxInt64: "9223372.036854775807", math.MinInt64: "-9223372.036854775808",
	} {
		if got := amount.String(); got != want {
			t.Errorf("%d is %s, want %s", int64(amount), got, want)
		}
		var back providers.PicoUSD
		if err := back.UnmarshalText([]byte(want)); amount >= 0 && (err != nil || back != amount) {
			t.Errorf("%s was read as %d, %v", want, int64(back), err)
		}
	}
	for _, text := range []string{"", ".5", "-1", "1e3", "0.0000000000001", "9223373", "1.2.3", "$1"} {
		var p providers.PicoUSD
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %s", text, p)
		}
	}
}
