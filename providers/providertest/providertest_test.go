package providertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/topcentral/spillway/providers"
	"github.com/topcentral/spillway/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFakeDoesAsItIsTold(t *testing.T) {
	f := providertest.NewFake("fake", "m")
	ask := func(ctx context.Context) (string, error) {
		var streamed string
		resp, err := f.Generate(ctx, providertest.Question(), func(d providers.Delta) { streamed += d.Text })
		if err != nil {
			return "", err
		}
		if streamed != resp.Text {
			t.Errorf("streamed %q, text %q", streamed, resp.Text)
		}
		return resp.Text, nil
	}
	f.Does(providertest.Sequence(providertest.Answer("1"), providertest.FailWith(providers.ClassServer), providertest.Answer("2")))
	if got, err := ask(t.Context()); got != "1" || err != nil {
		t.Errorf("first: %q, %v", got, err)
	}
	if _, err := ask(t.Context()); providers.ClassOf(err) != providers.ClassServer {
		t.Errorf("second: %v", err)
	}
	for range 2 {
		if got, err := ask(t.Context()); got != "2" || err != nil {
			t.Errorf("the last one ever after: %q, %v", got, err)
		}
	}
	if got := len(f.Asked()); got != 4 {
		t.Errorf("asked %d times, want 4", got)
	}

	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, why)
		defer cancel()
		if _, err := providertest.NewFake("f").Does(providertest.Hang()).Generate(ctx, providertest.Question(), nil); !errors.Is(err, why) {
			t.Errorf("hang: %v", err)
		}
	})
}

func TestFakeModels(t *testing.T) {
	f := providertest.NewFake("fake", "m", "n")
	if models, err := f.Models(t.Context()); err != nil || len(models) != 2 {
		t.Errorf("got %v, %v", models, err)
	}
	down := providers.Errorf(providers.ClassTransport, "down")
	f.SetModels(down)
	if _, err := f.Models(t.Context()); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}
