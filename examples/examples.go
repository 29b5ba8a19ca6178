// Package examples holds inputs to try Spillway with: real sales opportunities
// whose outcome is known, for the opportunity scoring, and one realistic input
// for each of the other built-in agents. README.md says where the data comes
// from and under which license it may be used.
package examples

import (
	"bytes"
	"embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed b2b_opportunities.csv
var opportunitiesCSV []byte

// The inputs of the other agents, in Chinese and in English.
//
//go:embed a0*.json en/a0*.json
var samples embed.FS

// Opportunity is one row of the data set.
type Opportunity struct {
	Input json.RawMessage // for agent A02; the outcome is not part of it
	Won   bool            // the known outcome
}

// Sample is an input for one of the built-in agents.
type Sample struct {
	Agent string // "A03"
	Name  string // what it shows, in the language of the input
	Input json.RawMessage
}

// Samples returns one input for each of A03, A04 and A05: in English, or, for
// every other language, in Chinese.
func Samples(language string) []Sample {
	dir, names := ".", []string{"洗衣机 PCR-ABS 项目", "华东销售一部的一天", "可能流失的家电客户"}
	if language == "en" {
		dir, names = "en", []string{"PCR-ABS for a washing machine", "a day of Sales East 1", "a customer who may leave"}
	}
	var all []Sample
	for i, file := range []string{"a03_project.json", "a04_daily_report.json", "a05_customer.json"} {
		input, err := samples.ReadFile(path.Join(dir, file))
		if err != nil {
			panic(err) // it is embedded
		}
		all = append(all, Sample{Agent: "A" + file[1:3], Name: names[i], Input: input})
	}
	return all
}

// outcome is the column that must never reach an input.
const outcome = "Status"

// columns maps the data set's columns to the fields of A02's input.
var columns = map[string]string{
	"Product":      "product",
	"Seller":       "seller",
	"Authority":    "authority",
	"Comp_size":    "company_size",
	"Competitors":  "competitors",
	"Purch_dept":   "purchasing_dept",
	"Partnership":  "partnership",
	"Budgt_alloc":  "budget_allocated",
	"Forml_tend":   "formal_tender",
	"RFI":          "rfi",
	"RFP":          "rfp",
	"Growth":       "growth",
	"Posit_statm":  "positive_statement",
	"Source":       "source",
	"Client":       "client",
	"Scope":        "scope",
	"Strat_deal":   "strategic_deal", //nolint:misspell // the data set's own name
	"Cross_sale":   "cross_sale",
	"Up_sale":      "up_sale",
	"Deal_type":    "deal_type",
	"Needs_def":    "needs_defined",
	"Att_t_client": "client_attention",
}

// free are the fields that hold a name and not one of a set of values.
var free = map[string]bool{"product": true, "seller": true}

// Opportunities returns the rows of the data set, in the order of the file.
func Opportunities() ([]Opportunity, error) {
	return ReadOpportunities(opportunitiesCSV)
}

// ReadOpportunities reads rows in the form of the data set: columns separated
// by semicolons, in any order, named in the first line. A row without an
// outcome counts as not won.
func ReadOpportunities(data []byte) ([]Opportunity, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read opportunities: %w", err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("read opportunities: the file is empty")
	}
	all := make([]Opportunity, 0, len(rows)-1)
	for i, row := range rows[1:] {
		o, err := opportunity(rows[0], row)
		if err != nil {
			return nil, fmt.Errorf("read opportunities: line %d: %w", i+2, err)
		}
		all = append(all, o)
	}
	return all, nil
}

// opportunity maps one row by the names in header.
func opportunity(header, row []string) (Opportunity, error) {
	var o Opportunity
	input := make(map[string]string, len(columns))
	for i, column := range header {
		value := strings.TrimSpace(row[i])
		if column == outcome {
			o.Won = strings.EqualFold(value, "Won")
			continue
		}
		field, ok := columns[column]
		if !ok {
			return o, fmt.Errorf("%q is not a column of the data set", column)
		}
		if !free[field] {
			value = word(field, value)
		}
		if value != "" {
			input[field] = value
		}
	}
	var err error
	o.Input, err = json.Marshal(input)
	return o, err
}

// word writes a value as the input schema does. The full data set has a few
// values beyond those documented; what the schema does not know is unknown.
func word(field, value string) string {
	w := strings.ToLower(strings.Join(strings.FieldsFunc(value, separates), "_"))
	if w == "" {
		return ""
	}
	if values, closed := known[field]; closed && !slices.Contains(values, w) {
		return "unknown"
	}
	return w
}

func separates(r rune) bool { return r == ' ' || r == '-' || r == '_' }

var (
	yesNo = []string{"yes", "no"}
	known = map[string][]string{
		"authority":          {"low", "mid", "high"},
		"company_size":       {"small", "mid", "big"},
		"competitors":        yesNo,
		"purchasing_dept":    yesNo,
		"partnership":        yesNo,
		"budget_allocated":   yesNo,
		"formal_tender":      yesNo,
		"rfi":                yesNo,
		"rfp":                yesNo,
		"growth":             {"fast_growth", "growth", "stable", "slow_down", "decline"},
		"positive_statement": {"yes", "no", "neutral"},
		"source":             {"referral", "joint_past", "event", "direct_mail", "media", "online_form", "web", "cold_call", "partner", "other"},
		"client":             {"new", "current", "past"},
		"scope":              {"clear", "few_questions", "low"},
		"strategic_deal":     {"very_important", "average_important", "unimportant"},
		"cross_sale":         yesNo,
		"up_sale":            yesNo,
		"deal_type":          {"project", "maintenance", "solution", "consulting"},
		"needs_defined":      {"yes", "no", "info_gathering", "poor"},
		"client_attention":   {"strategic_account", "normal", "first_deal", "bad_client"},
	}
)
