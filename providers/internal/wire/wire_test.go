package wire_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/topcentral/spillway/providers/internal/wire"
)

func TestDecodeReadsWhatItCan(t *testing.T) {
	var v struct {
		Name wire.Text  `json:"name"`
		N    wire.Count `json:"n"`
		In   struct {
			X wire.Text `json:"x"`
		} `json:"in"`
		List wire.List[struct {
			ID wire.Text `json:"id"`
		}] `json:"list"`
		Plain int `json:"plain"`
	}
	body := "\ufeff{\"name\":7,\"in\":\"none\",\"n\":\"12.0\",\"plain\":\"no number\",\"x\":NaN,\"y\":[-Infinity],\"z\":\"a\x01b NaN\",\"list\":{\"id\":true}}"
	if err := wire.Decode([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	if v.Name != "7" || v.N != 12 || v.Plain != 0 || len(v.List) != 1 || v.List[0].ID != "true" {
		t.Errorf("got %+v", v)
	}
	for _, bad := range []string{"", "{", "nope", `{"a":}`, "<html>"} {
		if err := wire.Decode([]byte(bad), &v); err == nil {
			t.Errorf("%q is JSON", bad)
		}
	}
}

func TestJoinerPutsHalvesTogether(t *testing.T) {
	for _, c := range []struct {
		want   string
		pieces []string
	}{
		{"🚀", []string{`"\ud83d"`, `"\ude80"`}},
		{"a🚀b", []string{`"a\ud83d\ude80b"`}},
		{"🚀", []string{"\"\xf0\x9f\"", "\"\x9a\x80\""}},
		{"a\ufffdb", []string{`"a\ud83d"`, `"b"`}},
		{"\ufffd", []string{`"\ud83d"`}},
		{"\ufffd\ufffd", []string{`"\ude80"`, `"\ud83d"`}},
		{"x\n\"\\/\té", []string{`"x\n\"\\\/\t\u00e9"`}},
	} {
		var j wire.Joiner
		got := ""
		for _, p := range c.pieces {
			got += j.Write(wire.TextOf(json.RawMessage(p)))
		}
		if got += j.Close(); got != c.want {
			t.Errorf("%q gives %q, want %q", c.pieces, got, c.want)
		}
	}
}

func read(r io.Reader) (events []string, last error) {
	in := wire.NewEvents(r, 1<<20)
	for {
		e, err := in.Next()
		if err != nil {
			return events, err
		}
		text := e.Name + "|" + string(e.Data)
		if e.Cut {
			text += "|cut"
		}
		events = append(events, text)
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"two", "data: {\"a\":1}\n\ndata: [DONE]\n\n", `|{"a":1} |[DONE]`},
		{"a name", "event: error\r\ndata: oops\r\n\r\ndata: {}\r\n\r\n", `error|oops |{}`},
		{"several lines", "data: {\"a\":\ndata: 1}\n\n", "|{\"a\":\n1}"},
		{"a list over lines", "[\n{\"a\":1}\n]", "|[\n{\"a\":1}\n]"},
		{"cut", "data: {\"a\":1}\n\ndata: {\"a\"", `|{"a":1} |{"a"|cut`},
		{"comments and a retry", ":x\nretry: 1\nid: 2\n\ndata: {}\n\n", "|{}"},
		{"nothing", "\n\n", ""},
		{"data twice", "data: data: {}\n\n", "|{}"},
		{"NaN without blank lines", "data: {\"a\":NaN}\ndata: {\"b\":1}\n", `|{"a":NaN} |{"b":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(c.body), "byte by byte": iotest.OneByteReader(strings.NewReader(c.body))} {
				events, err := read(r)
				if got := strings.Join(events, " "); got != c.want || !errors.Is(err, io.EOF) {
					t.Errorf("%s: got %q (%v), want %q", name, got, err, c.want)
				}
			}
		})
	}
}

// TestAnEventIsGivenAtOnce reads an event that nothing follows yet.
func TestAnEventIsGivenAtOnce(t *testing.T) {
	for _, body := range []string{"data: {}\n", "data: {}\r", "{}\r"} {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, body) }()
		if e, err := wire.NewEvents(r, 100).Next(); err != nil || string(e.Data) != "{}" {
			t.Errorf("%q: %q, %v", body, e.Data, err)
		}
	}
}

func TestABrokenConnectionIsNoEnd(t *testing.T) {
	broken := errors.New("reset")
	if events, err := read(io.MultiReader(strings.NewReader("data: {\"a\""), iotest.ErrReader(broken))); !errors.Is(err, broken) || len(events) != 0 {
		t.Errorf("%q, %v", events, err)
	}
	if _, err := wire.NewEvents(strings.NewReader(strings.Repeat("x", 200)), 100).Next(); !wire.IsLongLine(err) {
		t.Errorf("got %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: {\"a\":1}\n\n")
	f.Add("\ufeff[\n{}]\r\rdata:x\n")
	f.Fuzz(func(t *testing.T, body string) {
		events, err := read(strings.NewReader(body))
		if !errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", body, err)
		}
		if slowly, _ := read(iotest.OneByteReader(strings.NewReader(body))); !slices.Equal(slowly, events) {
			t.Errorf("%q gives %q, and byte by byte %q", body, events, slowly)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add(`"\ud83d\ude80\u12"`, "\"\xed\xa0\xbd\"")
	f.Fuzz(func(t *testing.T, a, b string) {
		var j wire.Joiner
		got := j.Write(wire.TextOf(json.RawMessage(a))) + j.Write(wire.TextOf(json.RawMessage(b)))
		if got += j.Close(); !utf8.ValidString(got) {
			t.Errorf("%q, %q give %q", a, b, got)
		}
		var v any
		_ = wire.Decode([]byte(a), &v)
	})
}
