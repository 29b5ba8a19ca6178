package webhook

import "sync"

// maxSilent bounds how many hosts are remembered as silent.
const maxSilent = 10_000

// places bounds how many deliveries are under way to a host and for a tenant.
type places struct {
	perHost, perTenant int

	mu      sync.Mutex
	hosts   map[string]int // deliveries under way, by host and port
	tenants map[string]int // deliveries under way, by tenant
	silent  map[string]bool
}

func newPlaces(perHost, perTenant int) *places {
	return &places{perHost: perHost, perTenant: perTenant, hosts: map[string]int{}, tenants: map[string]int{}, silent: map[string]bool{}}
}

// take takes a place for a delivery, which leave gives back with how it ended.
// A host that gave no answer at its last try has one place only, so that hosts
// that do not answer cannot hold many deliveries for long.
func (p *places) take(tenant, host string) (leave func(Outcome), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := p.perHost
	if p.silent[host] {
		most = 1
	}
	if p.hosts[host] >= most || p.tenants[tenant] >= p.perTenant {
		return nil, false
	}
	p.hosts[host]++
	p.tenants[tenant]++
	return func(o Outcome) { p.leave(tenant, host, o) }, true
}

func (p *places) leave(tenant, host string, o Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	decrease(p.hosts, host)
	decrease(p.tenants, tenant)
	switch o.Class {
	case TimedOut, Unreachable, Insecure:
		if len(p.silent) < maxSilent {
			p.silent[host] = true
		}
	case Interrupted:
	default:
		delete(p.silent, host)
	}
}

func decrease(m map[string]int, key string) {
	if m[key]--; m[key] == 0 {
		delete(m, key)
	}
}
