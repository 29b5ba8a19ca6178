package providertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/internal/shapes"
)

func (k *kit) statuses(t *testing.T) {
	for status, want := range map[int]providers.Class{
		http.StatusUnauthorized:        providers.ClassAuthDead,
		http.StatusPaymentRequired:     providers.ClassQuotaDead,
		http.StatusForbidden:           providers.ClassAuthDead,
		http.StatusUnprocessableEntity: providers.ClassBadRequest,
		http.StatusTooManyRequests:     providers.ClassRateLimited,
		http.StatusInternalServerError: providers.ClassServer,
		http.StatusBadGateway:          providers.ClassServer,
		http.StatusServiceUnavailable:  providers.ClassOverloaded,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) { k.dialect.Fail(w, status, "no") })
			_, _, _, err := ask(t.Context(), p)
			wantClass(t, err, want)
			if e, _ := errors.AsType[*providers.Error](err); e.Status != status {
				t.Errorf("status %d, want %d", e.Status, status)
			}
		})
	}
}

func (k *kit) refused(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	p := k.newProvider(s.URL, s.Client())
	s.Close()
	_, _, _, err := ask(t.Context(), p)
	wantClass(t, err, providers.ClassTransport)
}

func (k *kit) drop(t *testing.T) {
	p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) {
		k.dialect.Begin(w)
		k.dialect.Piece(w, providers.Delta{Text: `{"a":`})
		panic(http.ErrAbortHandler)
	})
	_, _, _, err := ask(t.Context(), p)
	wantClass(t, err, providers.ClassTransport)
}

func (k *kit) earlyEnd(t *testing.T) {
	p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) {
		k.dialect.Begin(w)
		k.dialect.Piece(w, providers.Delta{Text: `{"a":1}`})
	})
	_, _, _, err := ask(t.Context(), p)
	wantClass(t, err, providers.ClassTransport)
}

func (k *kit) garbage(t *testing.T) {
	for name, body := range map[string]string{
		"HTML":        "<html><body>Welcome to nginx!</body></html>",
		"half a line": `{"mess`,
		"bad event":   "data: {\"choices\": 7}\n\n",
		"bad object":  `{"message": 7, "choices": 7}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			_, _, _, err := ask(t.Context(), p)
			if class := providers.ClassOf(err); class != providers.ClassServer && class != providers.ClassTransport {
				t.Errorf("class %q: %v", class, err)
			}
		})
	}
}

func (k *kit) huge(t *testing.T) {
	t.Run("error", func(t *testing.T) {
		p := k.serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			flood(w, r, "x")
		})
		_, _, _, err := ask(t.Context(), p)
		wantClass(t, err, providers.ClassServer)
	})
	for name, piece := range map[string]string{"line": "x", "blank lines": "\n", "object": `{"a":`} {
		t.Run(name, func(t *testing.T) {
			p := k.serve(t, func(w http.ResponseWriter, r *http.Request) {
				k.dialect.Begin(w)
				flood(w, r, piece)
			})
			_, _, _, err := ask(t.Context(), p)
			wantClass(t, err, providers.ClassServer)
		})
	}
}

// flood writes until the client stops reading.
func flood(w http.ResponseWriter, r *http.Request, piece string) {
	block := []byte(strings.Repeat(piece, 64<<10))
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func (k *kit) cancel(t *testing.T) {
	for _, begun := range []bool{false, true} {
		t.Run(map[bool]string{false: "before the first byte", true: "in the middle"}[begun], func(t *testing.T) {
			k.cancelCase(t, begun)
		})
	}
}

func (k *kit) cancelCase(t *testing.T, begun bool) {
	arrived, aborted := make(chan struct{}), make(chan struct{})
	p := k.serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server watches for a hang-up only then
		if begun {
			k.dialect.Begin(w)
			k.dialect.Piece(w, providers.Delta{Text: "{"})
		}
		close(arrived)
		<-r.Context().Done()
		close(aborted)
	})
	why := errors.New("nobody wants it any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(why)
	}()
	_, _, _, err := ask(ctx, p)
	wantClass(t, err, providers.ClassCanceled)
	if !errors.Is(err, why) {
		t.Errorf("%v does not wrap the cause", err)
	}
	select {
	case <-aborted:
	case <-time.After(promptly):
		t.Error("the outbound call goes on")
	}
}

func (k *kit) ended(t *testing.T) {
	p := k.serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was made") })
	why := errors.New("ended before it began")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, _, _, err := ask(ctx, p)
	wantClass(t, err, providers.ClassCanceled)
	if !errors.Is(err, why) {
		t.Errorf("%v does not wrap the cause", err)
	}
}

func (k *kit) models(t *testing.T) {
	k.needs(t, !k.dialect.Lacks.Models)
	p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) { k.dialect.List(w, "a", "b-embed") })
	CheckModels(t, p, shapes.Shape{}, "a", "b-embed")
}

func (k *kit) modelsFail(t *testing.T) {
	k.needs(t, !k.dialect.Lacks.Models)
	p := k.serve(t, func(w http.ResponseWriter, _ *http.Request) { k.dialect.Fail(w, http.StatusUnauthorized, "no") })
	_, err := p.Models(t.Context())
	wantClass(t, err, providers.ClassAuthDead)

	for _, body := range []string{"<html>", `{"object":"list","data":null,"models":7}`, `{"data":[`, "", "hello", `7`} {
		p = k.serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err = p.Models(t.Context())
		wantClass(t, err, providers.ClassServer)
	}
}
