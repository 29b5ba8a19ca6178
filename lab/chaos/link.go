//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/topcentral/spillway/lab/history"
)

// link is a process's way to Redis, which can be cut, silenced and slowed.
type link struct{ proxy *toxiproxy.Proxy }

// newLink opens a way to upstream.
func newLink(name, upstream string) (*link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)}
	if err := l.proxy.Start(); err != nil {
		return nil, fmt.Errorf("open a proxy for %s: %w", name, err)
	}
	return l, nil
}

// addr is where the process finds Redis.
func (l *link) addr() string { return l.proxy.Listen }

func (l *link) close() { l.proxy.Stop() }

// delays are the toxics that a deed adds. What a silent connection holds back
// is delivered when the silence is over, as TCP does after a network was away:
// late, but neither lost nor out of order.
var delays = map[history.Deed]string{
	history.Silence: `"latency":3600000,"jitter":0`,
	history.Slow:    `"latency":150,"jitter":120`,
}

// disturb does a deed to the link, and returns what undoes it. Several deeds
// may overlap.
func (l *link) disturb(s step) (undo func(), err error) {
	if s.deed == history.Cut {
		l.proxy.Stop()
		// Another deed may have opened it again already.
		return func() { _ = l.proxy.Start() }, nil
	}
	name := fmt.Sprintf("%s-%d", s.deed, s.at)
	for _, way := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"name":"%s-%s","type":"latency","stream":"%s","attributes":{%s}}`, name, way, way, delays[s.deed])
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return nil, fmt.Errorf("%s %s: %w", s.deed, l.proxy.Name, err)
		}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for _, way := range []string{"downstream", "upstream"} {
			_ = l.proxy.Toxics.RemoveToxic(ctx, name+"-"+way) // it was added above
		}
	}, nil
}
