package dispatch

import (
	"math"
	"slices"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Forecast is how long a job is expected to run: what was seen of jobs like it,
// and, while that is little, what is assumed.
type Forecast []store.Weighted

// Quantile returns the duration that is not exceeded with probability p.
func (f Forecast) Quantile(p float64) time.Duration {
	return seconds(store.Quantile(slices.Clone(f), p))
}

// Mean returns the expected duration.
func (f Forecast) Mean() time.Duration {
	var sum, weight float64
	for _, v := range f {
		sum += v.Value * v.Weight
		weight += v.Weight
	}
	return seconds(sum / max(weight, 1e-9))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// assumed are the multiples of the median at which a job is assumed to end before
// anything has been measured: its quantiles 5, 27.5, 50, 72.5 and 95 %.
var assumed = [5]float64{1 / assumed95, 0.74, 1, 1.35, assumed95}

// assumed95 is the 95th percentile that is assumed, as a multiple of the median.
const assumed95 = 2.276

// forecast puts together what has been measured and, the more the less of that
// there is, what is assumed: half of the target on a local lane; on the cloud lane,
// that 95 % of the jobs stay within cloudPrior. Nothing takes longer than most,
// if that is known.
func forecast(lane tasks.Lane, target, most time.Duration, c tasks.Complexity, l store.Learned) Forecast {
	median := max(target.Seconds()/2, 0.1)
	if lane == tasks.Cloud {
		median = cloudPrior[c].Seconds() / assumed95
	}
	f := make(Forecast, 0, len(l)+len(assumed))
	add := func(x, weight float64) {
		if most > 0 {
			x = min(x, most.Seconds())
		}
		f = append(f, store.Weighted{Value: x, Weight: weight})
	}
	for _, x := range l {
		add(x, 1)
	}
	if doubt := l.Doubt(); doubt > 0 {
		for _, times := range assumed {
			add(median*times, doubt)
		}
	}
	return f
}

// cloudPrior is what the cloud lane needs at the 95th percentile, as assumed
// before it has been measured.
var cloudPrior = map[tasks.Complexity]time.Duration{
	tasks.Low:     5 * time.Second,
	tasks.Medium:  10 * time.Second,
	tasks.High:    25 * time.Second,
	tasks.Extreme: 45 * time.Second,
}

// maxPressure is the time pressure from which on a job does not wait for its
// first lane alone.
const maxPressure = 0.8

// pressure is the share of the time left that a job is expected to need on a
// lane: the work ahead of it and its own.
func pressure(backlog, own, left time.Duration) float64 {
	if left <= 0 {
		return math.Inf(1)
	}
	return float64(backlog+own) / float64(left)
}

// spillTime is when a job's second lane gets its ticket: at once when nobody
// serves the first lane or the time pressure there is too high, and otherwise
// at the last moment at which the second lane still makes the target with
// probability 0.95.
func spillTime(start, target time.Time, firstServed bool, backlog time.Duration, first, second Forecast) time.Time {
	if !firstServed || pressure(backlog, first.Quantile(0.5), target.Sub(start)) >= maxPressure {
		return start
	}
	if last := target.Add(-second.Quantile(0.95)); last.After(start) {
		return last
	}
	return start
}
