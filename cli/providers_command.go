package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/topcentral/spillway/app/config"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/tasks"
)

type providersCommand struct {
	List  providersListCommand  `cmd:"" help:"List the providers: models, prices, limits, and whether a key is set."`
	Check providersCheckCommand `cmd:"" help:"Ask each provider that is set up whether it answers."`

	Status providersStatusCommand `cmd:"" help:"Show which models the workers do not call for now, and why."`
	Reset  providersResetCommand  `cmd:"" help:"Make every worker call a provider again at once."`
}

type providersListCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help gives examples.
func (providersListCommand) Help() string {
	return "Lists the clouds that are known, the servers that the settings name, and what of it this machine would\n" +
		"use. Nobody is asked; \"spillway providers check\" does that.\n\n" +
		"Examples:\n  spillway providers list\n  spillway providers list --json\n" +
		"  SPILLWAY_OPENAI_COMPATIBLE=farm=http://10.0.0.9:8000/v1 spillway providers list"
}

// Run prints a line for each model of each provider.
func (c providersListCommand) Run(s streams) error {
	cfg, err := config.Read()
	if err != nil {
		return err
	}
	all := listed(cfg)
	if c.JSON {
		enc := json.NewEncoder(s.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	return printProviders(s.out, all)
}

// listedProvider is a provider as the list shows it.
type listedProvider struct {
	Name      string          `json:"name"`
	Title     string          `json:"title"`
	Lane      presets.Lane    `json:"lane"`
	Dialect   presets.Dialect `json:"dialect"`
	URL       string          `json:"url"`
	KeyEnv    string          `json:"key_env,omitempty"` // the variable that holds the key; missing: it needs none
	KeySet    bool            `json:"key_set"`
	Used      bool            `json:"used"`            // by workers with these settings
	Model     string          `json:"model,omitempty"` // asked by default
	Models    []listedModel   `json:"models"`          // those that are known; it may have more
	Limits    listedLimits    `json:"limits"`
	PricesOf  string          `json:"prices_as_of,omitempty"` // a date
	Shortcuts []string        `json:"hosts,omitempty"`        // short names of other base URLs
}

// listedModel is a model as the list shows it. Prices are in US dollars per
// million tokens.
type listedModel struct {
	Name        string        `json:"name"`
	Context     int           `json:"context,omitempty"`
	OutputLimit int           `json:"max_output_tokens,omitempty"`
	Price       *listedPrice  `json:"price_usd,omitempty"`
	Peak        *listedPrice  `json:"peak_price_usd,omitempty"`
	Limits      *listedLimits `json:"limits,omitempty"` // of its own
}

// listedLimits are limits as the list shows them; 0 is none.
type listedLimits struct {
	Concurrency       int `json:"concurrency,omitempty"`
	RequestsPerMinute int `json:"requests_per_minute,omitempty"`
	TokensPerMinute   int `json:"tokens_per_minute,omitempty"`
}

type listedPrice struct {
	Input  tasks.Money `json:"input"`
	Cached tasks.Money `json:"cached"`
	Output tasks.Money `json:"output"`
}

func listed(cfg config.Config) []listedProvider {
	var all []listedProvider
	used := cfg.Services()
	for i, k := range slices.Concat(used, cfg.Unused()) {
		p := k.Preset
		l := listedProvider{
			Name: p.Name, Title: p.Title, Lane: p.Lane, Dialect: p.Dialect, URL: config.HidePassword(p.Host(k.BaseURL)),
			KeyEnv: p.KeyEnv, KeySet: !k.Key.IsZero(), Used: i < len(used), Model: p.Resolve(k.Model), Limits: listedLimits(p.Limits), Models: []listedModel{},
		}
		for name := range p.Hosts {
			l.Shortcuts = append(l.Shortcuts, name)
		}
		slices.Sort(l.Shortcuts)
		for _, m := range p.Models {
			l.Models = append(l.Models, listedModel{
				Name: m.Name, Context: m.Context, OutputLimit: m.OutputLimit, Price: price(&m.Price), Peak: price(m.Peak), Limits: (*listedLimits)(m.Limits),
			})
			if !p.AsOf.IsZero() && m.Price != (presets.Price{}) {
				l.PricesOf = p.AsOf.Format(time.DateOnly)
			}
		}
		all = append(all, l)
	}
	return all
}

// price returns what a million tokens cost, nil if nothing is known.
func price(p *presets.Price) *listedPrice {
	if p == nil || *p == (presets.Price{}) {
		return nil
	}
	const million = 1_000_000
	return &listedPrice{tasks.Money(p.Input) * million, tasks.Money(p.Cached) * million, tasks.Money(p.Output) * million}
}

// anyModel is shown where no model is named.
var anyModel = map[presets.Dialect]string{
	presets.Ollama: "(what is installed)", presets.OpenAI: "(what it serves)", presets.Coze: "(the ID of a bot)",
}

func printProviders(out io.Writer, all []listedProvider) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tLANE\tKEY\tMODEL\tCONTEXT\tUSD PER 1M IN/CACHED/OUT\tLIMITS\tAS OF")
	for _, p := range all {
		models := p.Models
		if len(models) == 0 || !slices.ContainsFunc(models, func(m listedModel) bool { return m.Name == p.Model }) {
			models = append([]listedModel{{Name: cmp.Or(p.Model, anyModel[p.Dialect])}}, models...)
		}
		for _, m := range models {
			name := m.Name
			if name == p.Model {
				name += " *"
			}
			limits := p.Limits
			if m.Limits != nil {
				limits = *m.Limits
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Lane, p.key(), name, count(m.Context), m.prices(), worded(limits), dash(p.PricesOf))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\n* is asked where an agent names no model. Limits are those of a new account.")
	return err
}

func (p listedProvider) key() string {
	switch {
	case p.KeyEnv == "":
		return "none needed"
	case p.KeySet:
		return "ok"
	default:
		return p.KeyEnv + " is not set"
	}
}

func (m listedModel) prices() string {
	if m.Price == nil {
		return dash("")
	}
	text := fmt.Sprintf("%v/%v/%v", m.Price.Input, m.Price.Cached, m.Price.Output)
	if m.Peak != nil {
		text += fmt.Sprintf(" (peak %v/%v/%v)", m.Peak.Input, m.Peak.Cached, m.Peak.Output)
	}
	return text
}

// worded puts limits into words.
func worded(l listedLimits) string {
	var parts []string
	for _, part := range []struct {
		n    int
		unit string
	}{{l.Concurrency, "at once"}, {l.RequestsPerMinute, "calls/min"}, {l.TokensPerMinute, "tokens/min"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.unit))
		}
	}
	return dash(strings.Join(parts, ", "))
}

func count(n int) string {
	if n == 0 {
		return dash("")
	}
	return strconv.Itoa(n)
}

func dash(text string) string { return cmp.Or(text, "-") }
