package mockllm

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/shapes"
)

// Shape is a form in which servers of some dialects really answer, to be chosen
// by name as a [Behavior.Shape].
type Shape struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// Dialects are those that have the shape: "ollama", "openai".
	Dialects []string `json:"dialects"`
}

// Shapes lists the shapes, by name.
func Shapes() []Shape {
	var all []Shape
	for _, dialect := range []string{Ollama, OpenAI} {
		list := shapes.Ollama()
		if dialect == OpenAI {
			list = shapes.OpenAI()
		}
		for _, s := range list {
			if i := slices.IndexFunc(all, func(known Shape) bool { return known.Name == s.Name }); i >= 0 {
				all[i].Dialects = append(all[i].Dialects, dialect)
				continue
			}
			all = append(all, Shape{Name: s.Name, About: s.About, Dialects: []string{dialect}})
		}
	}
	slices.SortFunc(all, func(a, b Shape) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// shapeOf returns a provider's shape of a name; ok is false if its dialect has
// none.
func shapeOf(provider, name string) (shape shapes.Shape, ok bool) {
	switch provider {
	case Coze:
		return shapes.Shape{}, false
	case Ollama:
		return shapes.Lookup(shapes.Ollama(), name)
	}
	return shapes.Lookup(shapes.OpenAI(), name)
}

// hasShape reports whether some provider has the shape.
func hasShape(name string) bool {
	return slices.ContainsFunc(Providers(), func(p string) bool { _, ok := shapeOf(p, name); return ok })
}

// someThoughts is the reasoning in shapes that have one, if the model does not
// reason.
const someThoughts = "let me see"

// shaped answers in a shape.
func (p *player) shaped(s shapes.Shape, body []byte) {
	if !p.pause(p.act.Wait) {
		return
	}
	s.Serve(shapes.Exchange{
		Answer: shapes.Answer{
			Text: p.rep.text, Reasoning: cmp.Or(p.rep.reasoning, someThoughts),
			Usage: providers.Usage{Input: p.rep.usage.Input, Output: p.rep.usage.Output},
		},
		W: p.w, R: p.r, Body: body,
		Usual: func(w http.ResponseWriter) {
			p.w = w
			p.play()
		},
	})
}
