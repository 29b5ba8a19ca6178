package agents

import (
	"fmt"
	"math"
	"slices"

	"github.com/topcentral/spillway/tasks"
)

// run works the scorecard out over a complete input.
func (c *scorecard) run(input, present any, lang tasks.Language) (map[string]any, error) {
	env := map[string]any{"input": input, "given": present, "words": c.words[lang], "lang": string(lang)}
	if err := evalNamed(c.facts, env); err != nil {
		return nil, err
	}
	total := c.start
	var drivers []any
	for _, p := range c.points {
		add, d, err := p.apply(env, lang)
		if err != nil {
			return nil, err
		}
		total += add
		if d != nil {
			drivers = append(drivers, d)
		}
	}
	slices.SortStableFunc(drivers, func(a, b any) int { return weight(b) - weight(a) })
	env["total"] = total
	score := total
	if c.score != nil {
		var err error
		if score, err = c.score.number(env); err != nil {
			return nil, err
		}
	}
	env["score"] = int(math.Round(min(max(score, 0), 100)))
	env["drivers"] = append([]any{}, drivers...)
	return env, evalNamed(c.findings, env)
}

func evalNamed(all []named, env map[string]any) error {
	for _, n := range all {
		v, err := n.value.eval(env)
		if err != nil {
			return err
		}
		env[n.name] = v
	}
	return nil
}

// apply returns how far the point moves the score, and the driver: nil when
// it does not move it.
func (p *point) apply(env map[string]any, lang tasks.Language) (float64, any, error) {
	if ok, err := p.when.holds(env); !ok || err != nil {
		return 0, nil, err
	}
	add, err := p.add.number(env)
	if err != nil || add == 0 {
		return 0, nil, err
	}
	if math.Abs(add) > maxPoints {
		return 0, nil, errorAt(p.add.file, p.add.line, "a point adds %v; at most %v either way", add, maxPoints)
	}
	reason, err := p.reason[lang].fill(env, lang)
	if err != nil {
		return 0, nil, err
	}
	evidence, err := p.evidence[lang].fill(env, lang)
	if err != nil {
		return 0, nil, err
	}
	direction := "up"
	if add < 0 {
		direction = "down"
	}
	return add, map[string]any{
		"direction": direction,
		"weight":    max(1, int(math.Round(math.Abs(add)))),
		"text":      reason,
		"evidence":  evidence,
	}, nil
}

func weight(driver any) int {
	d, _ := driver.(map[string]any)
	w, _ := d["weight"].(int)
	return w
}

// answerFor runs the scorecard and fills the answer. It also reports whether the
// case is clear.
func (c *scorecard) answerFor(input, present any, lang tasks.Language, out *schema) (answer any, certain bool, err error) {
	env, err := c.run(input, present, lang)
	if err != nil {
		return nil, false, err
	}
	if c.clear != nil {
		if certain, err = c.clear.holds(env); err != nil {
			return nil, false, fmt.Errorf("clear_when: %w", err)
		}
	}
	v, err := c.answer.fill(env, lang)
	if err != nil {
		return nil, false, fmt.Errorf("answer: %w", err)
	}
	return fit(out.compiled, v), certain, nil
}
