package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/app"
	"github.com/topcentral/spillway/app/config"
)

type keysCommand struct {
	Create keysCreateCommand `cmd:"" help:"Create a key, and print it once."`
	List   keysListCommand   `cmd:"" help:"List the keys, the oldest first."`
	Revoke keysRevokeCommand `cmd:"" help:"Revoke a key; it stops working everywhere within a second."`
	Rotate keysRotateCommand `cmd:"" help:"Create a key that replaces another, which keeps working for a while."`
}

// withKeys runs use on the keys of the Redis that the settings name.
func withKeys(ctx context.Context, use func(*access.Keys) error) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	rdb, closeIt, err := app.OpenRedis(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeIt()
	return use(access.NewKeys(rdb))
}

// How the help of commands that do not go through the API says so.
const (
	writesRedis = "Works on Redis itself (SPILLWAY_REDIS_URL), not through the API.\n\n"
	readsAgents = "Reads the agents of this machine (SPILLWAY_AGENTS_DIR, or those built in), not those of a server.\n\n"
)

type keysCreateCommand struct {
	Tenant  string       `required:"" help:"Whose jobs the key is for."`
	Scope   []string     `placeholder:"SCOPE" help:"What the key may do: jobs:read, jobs:write, jobs:cancel, agents:read, webhooks:read, webhooks:write, admin:read, admin:write; several with commas."`
	Role    access.Role  `placeholder:"ROLE" help:"Or a set of scopes by name: viewer, submitter or operator."`
	Name    string       `help:"What the key is for, for people."`
	Env     string       `default:"live" help:"Word in the key that tells it from others, e.g. test."`
	Expires lifetime     `placeholder:"DURATION" help:"When it ends by itself, e.g. 90d or 12h; never by default."`
	AllowIP []string     `placeholder:"NETWORK" help:"Where it may be used from, e.g. 10.0.0.0/8; anywhere by default."`
	Rate    *access.Rate `placeholder:"RATE" help:"How many requests it may make, e.g. 600/min, 20/s:5 (5 at once) or none; SPILLWAY_RATE_LIMIT by default."`
	JSON    bool         `name:"json" help:"Print the key and all that is known of it as JSON."`
}

// Help gives examples.
func (keysCreateCommand) Help() string {
	return writesRedis + "The key is printed on standard output, and kept nowhere: Redis has its SHA-256.\n\nExamples:\n" +
		"  spillway keys create --tenant acme --role submitter --name crm --expires 90d\n" +
		"  spillway keys create --tenant acme --scope jobs:read,jobs:write --allow-ip 10.0.0.0/8 --rate 600/min"
}

// Run makes the key.
func (c keysCreateCommand) Run(ctx context.Context, s streams) error {
	wanted, err := c.key(time.Now())
	if err != nil {
		return err
	}
	return withKeys(ctx, func(keys *access.Keys) error {
		text, made, err := keys.Create(ctx, wanted)
		if err != nil {
			return err
		}
		return showKey(s, text, made, c.JSON)
	})
}

func (c keysCreateCommand) key(now time.Time) (access.Key, error) {
	scopes, err := access.ParseScopes(strings.Join(c.Scope, " "))
	if err != nil {
		return access.Key{}, err
	}
	if c.Role != "" && c.Role.Scopes() == nil {
		return access.Key{}, fmt.Errorf("there is no role %q; there are %s", c.Role, commas(access.Roles()))
	}
	if scopes = append(scopes, c.Role.Scopes()...); len(scopes) == 0 {
		return access.Key{}, errors.New("say what the key may do, with --scope or --role")
	}
	networks, err := access.ParseNetworks(strings.Join(c.AllowIP, ","))
	if err != nil {
		return access.Key{}, fmt.Errorf("--allow-ip: %w", err)
	}
	k := access.Key{Tenant: c.Tenant, Scopes: scopes, Name: c.Name, Env: c.Env, AllowIPs: networks, Rate: c.Rate, CreatedBy: whoami()}
	if c.Expires > 0 {
		k.ExpiresAt = now.Add(time.Duration(c.Expires)).UTC()
	}
	return k, nil
}

// showKey prints a new key, the text alone on standard output.
func showKey(s streams, text string, made access.Key, asJSON bool) error {
	if asJSON {
		return printJSON(s.out, struct {
			Text string `json:"key"`
			access.Key
		}{text, made})
	}
	fmt.Fprintf(s.err, "Key %s of tenant %s may %s. It is shown this once:\n", made.ID, made.Tenant, list(made.Scopes))
	_, err := fmt.Fprintln(s.out, text)
	return err
}

type keysListCommand struct {
	JSON bool `name:"json" help:"Print all that is known of the keys as JSON."`
}

// Help gives an example.
func (keysListCommand) Help() string { return writesRedis + "Example:\n  spillway keys list" }

// Run prints a line for each key.
func (c keysListCommand) Run(ctx context.Context, s streams) error {
	return withKeys(ctx, func(keys *access.Keys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(s.out, all)
		}
		w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tKEY\tTENANT\tNAME\tSCOPES\tSTATE\tLAST USED")
		for _, k := range all {
			fmt.Fprintf(w, "%s\t%s_…%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Prefix, k.Last4, k.Tenant, k.Name,
				list(k.Scopes), stateOf(k, time.Now()), orNever(k.LastUsedAt))
		}
		return w.Flush()
	})
}

// stateOf says whether a key can be used, and until when.
func stateOf(k access.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked " + orNever(k.RevokedAt)
	case !k.Active(now):
		return "expired " + orNever(k.ExpiresAt)
	case !k.ExpiresAt.IsZero():
		return "until " + orNever(k.ExpiresAt)
	}
	return "active"
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

type keysRevokeCommand struct {
	ID string `arg:"" help:"ID of the key."`
}

// Help gives an example.
func (keysRevokeCommand) Help() string {
	return writesRedis + "Example:\n  spillway keys revoke 4fQ0aT2bXk9Z"
}

// Run ends the key.
func (c keysRevokeCommand) Run(ctx context.Context, s streams) error {
	return withKeys(ctx, func(keys *access.Keys) error {
		k, err := keys.Revoke(ctx, c.ID, whoami())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s of tenant %s: %s\n", k.ID, k.Tenant, stateOf(k, time.Now()))
		return err
	})
}

type keysRotateCommand struct {
	ID      string   `arg:"" help:"ID of the key."`
	Overlap lifetime `default:"24h" placeholder:"DURATION" help:"How long the old key still works, e.g. 24h or 7d; 24h by default."`
	JSON    bool     `name:"json" help:"Print the key and all that is known of it as JSON."`
}

// Help gives an example.
func (keysRotateCommand) Help() string {
	return writesRedis + "The new key may do what the old one may.\n\nExample:\n  spillway keys rotate 4fQ0aT2bXk9Z --overlap 7d"
}

// Run makes the new key.
func (c keysRotateCommand) Run(ctx context.Context, s streams) error {
	return withKeys(ctx, func(keys *access.Keys) error {
		text, made, err := keys.Rotate(ctx, c.ID, time.Duration(c.Overlap), whoami())
		if err != nil {
			return err
		}
		return showKey(s, text, made, c.JSON)
	})
}

// lifetime is a duration that may be given in days.
type lifetime time.Duration

// UnmarshalText reads 90d, or what time.ParseDuration reads.
func (l *lifetime) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		*l = lifetime(time.Duration(n) * 24 * time.Hour)
		return err
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("want a duration such as 90d or 12h, got %q", text)
	}
	*l = lifetime(d)
	return nil
}

// whoami names who runs the command.
func whoami() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return cmp.Or(name, "someone") + "@" + host
}

func list(scopes []access.Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ",")
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
