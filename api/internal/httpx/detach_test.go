package httpx

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestAPanicOnAnotherStackIsOneOfTheCaller(t *testing.T) {
	for _, c := range []struct {
		panics any
		want   string
	}{{"oh", "panic: oh\n"}, {http.ErrAbortHandler, http.ErrAbortHandler.Error()}} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, c.want) {
					t.Errorf("%v: got %s", c.panics, got)
				}
			}()
			OnOwnStack(func() { panic(c.panics) })
			t.Errorf("%v: went on after a panic", c.panics)
		}()
	}
}
