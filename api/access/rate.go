package access

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how many requests a caller may make. The zero Rate is no limit.
type Rate struct {
	Requests int           // that may come within Per, evenly spread
	Per      time.Duration // a second, a minute or an hour
	Burst    int           // that may come at once, after a quiet time; 1 to Requests
}

// ratePeriods are the periods of rates.
var ratePeriods = []struct {
	name string
	long time.Duration
}{{"s", time.Second}, {"min", time.Minute}, {"h", time.Hour}}

// maxRate bounds a rate: above it counting makes no sense.
const maxRate = 1_000_000

// noRate is how an unlimited rate is written.
const noRate = "none"

// ParseRate reads a rate such as 600/min or 20/s, with the burst behind a colon
// if it is to be less than all at once: 600/min:100; or none.
func ParseRate(text string) (Rate, error) {
	wrong := fmt.Errorf("want a rate such as 600/min, 20/s or 600/min:100 (100 at once), or %s", noRate)
	if text == noRate {
		return Rate{}, nil
	}
	whole, burst, hasBurst := strings.Cut(text, ":")
	count, period, _ := strings.Cut(whole, "/")
	r := Rate{}
	for _, p := range ratePeriods {
		if p.name == period {
			r.Per = p.long
		}
	}
	var err error
	if r.Requests, err = strconv.Atoi(count); err != nil || r.Per == 0 || r.Requests < 1 || r.Requests > maxRate {
		return Rate{}, wrong
	}
	r.Burst = r.Requests
	if hasBurst {
		if r.Burst, err = strconv.Atoi(burst); err != nil || r.Burst < 1 || r.Burst > r.Requests {
			return Rate{}, wrong
		}
	}
	return r, nil
}

// UnmarshalText reads a rate as ParseRate does.
func (r *Rate) UnmarshalText(text []byte) error {
	var err error
	*r, err = ParseRate(string(text))
	return err
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string {
	if r == (Rate{}) {
		return noRate
	}
	text := strconv.Itoa(r.Requests) + "/" + r.period()
	if r.Burst != r.Requests {
		text += ":" + strconv.Itoa(r.Burst)
	}
	return text
}

func (r Rate) period() string {
	for _, p := range ratePeriods {
		if p.long == r.Per {
			return p.name
		}
	}
	return r.Per.String()
}

// MarshalText writes the rate as ParseRate reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// each is the time that one request takes to drain.
func (r Rate) each() time.Duration { return r.Per / time.Duration(r.Requests) }
