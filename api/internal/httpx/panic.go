package httpx

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// Recover runs handle, and turns a panic in it into an error with the stack. It
// passes on http.ErrAbortHandler, net/http's own way to drop a connection.
func Recover(handle func() error) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = PanicError(p)
		}
	}()
	return handle()
}

// PanicError turns the value of a panic into an error with the current stack.
func PanicError(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }
