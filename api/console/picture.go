package console

import (
	"math"
	"strings"

	"github.com/topcentral/spillway/api"
	"github.com/topcentral/spillway/tasks"
)

// picture is the fleet as a reservoir with a spillway: the local lane is the lake,
// whose water rises with its load; above the lip of the dam jobs spill to the cloud.
// Coordinates are those of the SVG's view box.
type picture struct {
	Local, Cloud basin
	Spills       bool // the cloud lane runs or waits
	Dry          bool // no worker serves the local lane
}

// basin is the water of a lane.
type basin struct {
	Lane    api.LaneHealth
	Waiting int
	Oldest  float64 // seconds that its longest waiting job has waited; 0: none waits
	Y       int     // of the water's surface
	Height  int     // of the water
}

// The lake and the basin below the dam.
const (
	lakeFloor, lakeDepth   = 230, 170 // up to the lip of the dam
	basinFloor, basinDepth = 230, 80
)

// draw draws the state of the lanes.
func draw(h api.Health) picture {
	p := picture{Local: basinOf(h, tasks.Local, lakeFloor, lakeDepth), Cloud: basinOf(h, tasks.Cloud, basinFloor, basinDepth)}
	p.Spills = p.Cloud.Lane.Running > 0 || p.Cloud.Waiting > 0
	p.Dry = p.Local.Lane.Workers == 0
	return p
}

// overflow is how high the water is drawn at most, as a share of the depth.
const overflow = 1.1

func basinOf(h api.Health, lane tasks.Lane, floor, depth int) basin {
	b := basin{Lane: api.LaneHealth{Lane: lane}}
	for _, l := range h.Lanes {
		if l.Lane == lane {
			b.Lane = l
		}
	}
	for _, q := range h.Queues {
		if strings.HasPrefix(q.Name, string(lane)+".") || q.Name == string(lane) {
			b.Waiting += q.Waiting
			b.Oldest = max(b.Oldest, q.OldestSeconds)
		}
	}
	level := math.Min(b.Lane.Load, overflow)
	if b.Lane.Running+b.Waiting > 0 {
		level = math.Max(level, 0.08) // a little water is seen
	}
	b.Height = int(math.Round(level * float64(depth)))
	b.Y = floor - b.Height
	return b
}
