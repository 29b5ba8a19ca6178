package dispatch

import (
	"math"
	"time"

	"github.com/topcentral/spillway/tasks"
	"github.com/topcentral/spillway/tasks/store"
)

// Forecast is how long a job is expected to run: lognormal, since durations of
// generations are products of lengths and speeds.
type Forecast struct {
	Mu    float64 // mean of the natural logarithm of seconds
	Sigma float64 // its standard deviation
}

// Quantile returns the duration that is not exceeded with probability p.
func (f Forecast) Quantile(p float64) time.Duration {
	z := math.Sqrt2 * math.Erfinv(2*p-1)
	return seconds(math.Exp(f.Mu + z*f.Sigma))
}

// Mean returns the expected duration.
func (f Forecast) Mean() time.Duration {
	return seconds(math.Exp(f.Mu + f.Sigma*f.Sigma/2))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// priorWeight is how many measured jobs the prior is worth.
const priorWeight = 5

// forecast blends what has been measured with what is assumed before anything
// has been: half of the target on a local lane; on the cloud lane, that 95 % of
// the jobs stay within cloudPrior.
func forecast(lane tasks.Lane, target time.Duration, c tasks.Complexity, l store.Learned) Forecast {
	const sigma = 0.5
	mu := math.Log(max(target.Seconds()/2, 0.1))
	if lane == tasks.Cloud {
		mu = math.Log(cloudPrior[c].Seconds()) - 1.645*sigma
	}
	n := float64(min(l.Count, 20)) // what is learned forgets what is older
	blended := (priorWeight*mu + n*l.Mean) / (priorWeight + n)
	spread := (priorWeight*(sigma*sigma+(mu-blended)*(mu-blended)) + n*(l.Variance+(l.Mean-blended)*(l.Mean-blended))) / (priorWeight + n)
	return Forecast{Mu: blended, Sigma: math.Sqrt(spread)}
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

// spillTime is when a job's second lane gets its chance: at once when nobody
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
