package budget

import (
	"testing"
	"time"
)

// In some zones midnight does not exist on the day that summer time begins.
func TestPeriodsEndWithTheFirstInstantOfTheNext(t *testing.T) {
	for _, c := range []struct {
		zone   string
		period Period
		at     string // by the clock of the zone
		ends   string
	}{
		{"America/Santiago", Day, "2026-09-05 12:30", "2026-09-06T04:00:00Z"},
		{"America/Santiago", Day, "2026-09-05 22:30", "2026-09-06T04:00:00Z"},
		{"America/Santiago", Day, "2026-09-05 23:30", "2026-09-06T04:00:00Z"},
		{"America/Santiago", Day, "2026-09-06 01:30", "2026-09-07T03:00:00Z"},
		{"Africa/Cairo", Day, "2026-04-23 23:30", "2026-04-23T22:00:00Z"},
		{"Asia/Shanghai", Day, "2026-12-31 23:59", "2026-12-31T16:00:00Z"},
		{"Asia/Shanghai", Month, "2026-12-31 23:59", "2026-12-31T16:00:00Z"},
		{"UTC", Month, "2026-01-31 00:00", "2026-02-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.period.Ends(at).UTC().Format(time.RFC3339); got != c.ends {
			t.Errorf("%s, %s of %s: ends %s, want %s", c.zone, c.period, c.at, got, c.ends)
		}
	}
}
