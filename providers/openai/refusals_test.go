package openai

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/topcentral/spillway/providers"
)

// TestARefusalIsForgotten tells what a refusal is remembered for, and how long.
func TestARefusalIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r refusals
		q := &Quirks{JSONMode: JSONSchema, Temperature: &Range{Max: 2}}
		model, other := Model{Name: "m", Quirks: q}, Model{Name: "n", Quirks: q}
		req := &providers.Request{Schema: json.RawMessage(`{}`)}
		warm := &providers.Request{Schema: json.RawMessage(`{"type":"object"}`), Temperature: 1}
		r.remember(model, responseFormatField|temperatureField|streamOptionsField, req)
		for _, c := range []struct {
			name  string
			model Model
			req   *providers.Request
			want  fields
		}{
			{"the same request", model, req, responseFormatField | temperatureField | streamOptionsField},
			{"other values", model, warm, streamOptionsField},
			{"another model", other, req, 0},
		} {
			if got := r.of(c.model, c.req); got != c.want {
				t.Errorf("%s: %b, want %b", c.name, got, c.want)
			}
		}
		time.Sleep(refusalLasts)
		if got := r.of(model, req); got != 0 {
			t.Errorf("after an hour: %b", got)
		}
		for i := range 3 * maxRefusals {
			r.remember(Model{Name: fmt.Sprint(i), Quirks: q}, streamOptionsField, req)
		}
		if len(r.until) > maxRefusals {
			t.Errorf("%d are kept", len(r.until))
		}
	})
}
