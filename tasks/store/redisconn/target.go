package redisconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// kind is how the servers of a target relate to each other.
type kind string

const (
	single   kind = ""
	cluster  kind = "cluster"
	sentinel kind = "sentinel"
)

// target is what a URL names.
type target struct {
	kind    kind
	addrs   []string       // of the server, of nodes of the cluster, or of Sentinels
	options *redis.Options // credentials, database, timeouts, pools: what every kind has

	tls tlsFiles

	master                         string // as the Sentinels name it
	sentinelUser, sentinelPassword string
}

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

var errScheme = errors.New("want redis://, rediss://, unix://, redis+cluster://, rediss+cluster://, redis+sentinel:// or rediss+sentinel://")

// parse reads a URL. Its errors quote nothing that may be part of a secret.
func parse(raw string) (*target, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if ok && (strings.EqualFold(scheme, "unix") || strings.EqualFold(scheme, "redis+unix")) {
		return parseSocket(rest)
	}
	base, variant, plus := strings.Cut(strings.ToLower(scheme), "+")
	if !ok || base != "redis" && base != "rediss" || plus && kind(variant) != cluster && kind(variant) != sentinel {
		return nil, errScheme
	}
	t := &target{kind: kind(variant)}

	authority, rest := cutAny(rest, "/?#")
	if path, _ := cutAny(rest, "?#"); strings.Contains(path, "@") {
		return nil, errors.New("a user name or password with / ? # or @ must be percent-encoded")
	}
	user, hosts := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, hosts = authority[:at+1], authority[at+1:]
	}
	if err := t.readHosts(hosts); err != nil {
		return nil, err
	}
	// What remains is the URL of one server, which go-redis knows how to read.
	u, err := url.Parse(base + "://" + user + t.addrs[0] + rest)
	if err != nil {
		return nil, errors.New("it cannot be read: percent-encode special characters in user name and password")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("the options after ? cannot be read")
	}
	if err := t.readPath(u, query); err != nil {
		return nil, err
	}
	if t.tls = readTLSFiles(query); t.tls != (tlsFiles{}) && base != "rediss" {
		return nil, errors.New("tls_ca, tls_cert and tls_key need rediss:// in place of redis://")
	}
	u.RawQuery = query.Encode()
	if t.options, err = redis.ParseURL(u.String()); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "redis: "))
	}
	return t, t.check()
}

// parseSocket reads what follows unix://: [user:password@]/path[?options].
func parseSocket(rest string) (*target, error) {
	options, err := redis.ParseURL("unix://" + rest)
	if err != nil || !strings.HasPrefix(options.Addr, "/") {
		return nil, errors.New("want unix:///path/to/redis.sock, with ?db=1 for another database than 0")
	}
	t := &target{addrs: []string{options.Addr}, options: options}
	return t, t.check()
}

// maxPool bounds the pool options; go-redis panics at absurd ones.
const maxPool = 100_000

// check refuses what go-redis would take and could not serve.
func (t *target) check() error {
	o := t.options
	switch {
	case t.kind == cluster && o.DB != 0:
		return errors.New("a Redis Cluster has database 0 only")
	case o.DB < 0:
		return errors.New("the database is a number from 0")
	case max(o.PoolSize, o.MinIdleConns, o.MaxIdleConns, o.MaxActiveConns, o.PipelinePoolSize) > maxPool,
		min(o.PoolSize, o.MinIdleConns, o.MaxIdleConns, o.MaxActiveConns) < 0:
		return fmt.Errorf("a pool option is not between 0 and %d", maxPool)
	}
	return nil
}

// cutAny cuts s before the first of the characters.
func cutAny(s, chars string) (before, rest string) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// readHosts reads a list of host[:port].
func (t *target) readHosts(list string) error {
	hosts := strings.Split(list, ",")
	if t.kind == single && len(hosts) > 1 {
		return errors.New("redis:// names one server; use redis+cluster:// or redis+sentinel:// for several")
	}
	for _, h := range hosts {
		addr, err := t.address(h)
		if err != nil {
			return err
		}
		t.addrs = append(t.addrs, addr)
	}
	return nil
}

// address completes host[:port].
func (t *target) address(hostport string) (string, error) {
	u, err := url.Parse("redis://" + hostport)
	ok := err == nil && u.Host == hostport && u.Hostname() != "" && !strings.ContainsAny(u.Hostname(), "[]")
	if !ok || strings.Contains(u.Hostname(), ":") && hostport[0] != '[' {
		return "", fmt.Errorf("%q is not a host, or host:port; an IPv6 address is written [::1]:6379", hostport)
	}
	port := u.Port()
	switch {
	case port == "" && t.kind == sentinel:
		port = sentinelPort
	case port == "":
		port = redisPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q is not a port", port)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// readPath takes from u and query what only Sentinels have, so that the rest is
// the URL of a server.
func (t *target) readPath(u *url.URL, query url.Values) error {
	if t.kind != sentinel {
		return nil
	}
	master, db, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if master == "" {
		return errors.New("the path must name the master: redis+sentinel://host:26379/mymaster/0")
	}
	t.master, t.sentinelUser, t.sentinelPassword = master, query.Get("sentinel_username"), query.Get("sentinel_password")
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	u.Path, u.RawPath = "/"+db, ""
	return nil
}

// Place names the servers of a URL without its secrets, for messages.
func Place(raw string) string {
	t, err := parse(raw)
	switch {
	case err != nil:
		return "an unknown place"
	case t.kind == sentinel:
		return "master " + t.master + " of the Sentinels " + strings.Join(t.addrs, ", ")
	}
	return strings.Join(t.addrs, ", ")
}
