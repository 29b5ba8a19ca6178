package contract

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// jsonTexts are JSON in all its parts.
var jsonTexts = []string{
	`null`, ` true `, `false`, `""`, `"a"`, `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800"`, `"项目,}]:"`, `0`, `-0.5e+3`, ` 12 `,
	`[]`, `[ ]`, `[[],[1,"x",null]]`, `{}`, `{ }`, `{"a":{"b":[{"":0}]},"c,:":"}","\u0064":1e2}`, "\t{ \"a\" :\r\n[ 1 , 2 ] }\n",
}

// What a body holds is what the schema library's own reader finds in it.
func TestParse(t *testing.T) {
	for _, text := range jsonTexts {
		got, err := parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v, %v", text, got, want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(`[1e999`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parse(text)
		if err != nil {
			return
		}
		want, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, want %#v, %v", got, want, err)
		}
	})
}
