package examples_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/topcentral/spillway/examples"
	"github.com/topcentral/spillway/tasks/agents"
)

func TestOpportunities(t *testing.T) {
	all, err := examples.Opportunities()
	if err != nil {
		t.Fatal(err)
	}
	won := 0
	for _, o := range all {
		if o.Won {
			won++
		}
	}
	if len(all) != 273 || won != 133 {
		t.Errorf("got %d opportunities, %d won; want 273, 133 won", len(all), won)
	}
}

func TestEveryInputIsValidAndHoldsNoOutcome(t *testing.T) {
	c, err := agents.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(id string, input json.RawMessage) {
		t.Helper()
		a, ok := c.Lookup(id)
		if !ok {
			t.Fatalf("no agent %s", id)
		}
		for _, f := range a.CheckInput(input) {
			t.Errorf("%s: %s: %s in %s", id, f.Pointer, f.Detail, input)
		}
	}
	all, err := examples.Opportunities()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		check("A02", o.Input)
		if s := strings.ToLower(string(o.Input)); strings.Contains(s, "won") || strings.Contains(s, "lost") {
			t.Errorf("the outcome is part of the input: %s", o.Input)
		}
	}
	for _, s := range append(examples.Samples("zh"), examples.Samples("en")...) {
		check(s.Agent, s.Input)
	}
}

func TestReadOpportunities(t *testing.T) {
	for _, c := range []struct{ name, csv, input, err string }{
		{"values of the schema", "Product;Source;Client;Status\nProduct B;Joint past;Current;Won\n", `{"client":"current","product":"Product B","source":"joint_past"}`, ""},
		{"values unknown to the schema", "Product;Source;Growth\nB;Carrier pigeon;Up and down\n", `{"growth":"unknown","product":"B","source":"unknown"}`, ""},
		{"nothing where a value could be", "Product;Source\nB;\n", `{"product":"B"}`, ""},
		{"foreign column", "Product;Weather\nB;Rain\n", "", `line 2: "Weather" is not a column`},
		{"ragged", "Product;Source\nB\n", "", "wrong number of fields"},
		{"empty", "", "", "the file is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := examples.ReadOpportunities([]byte(c.csv))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || len(all) != 1 || string(all[0].Input) != c.input {
				t.Errorf("got %v, %v, want %s", all, err, c.input)
			}
		})
	}
}
