package api_test

import (
	"context"
	"errors"
	"log"
	"net/http"
	"time"

	"github.com/topcentral/spillway/api"
)

// The streams end when the server begins to shut down, so that it need not wait
// for them; all other requests are answered.
func ExampleNew() {
	var deps api.Deps // jobs, events, agents and health
	life, end := context.WithCancel(context.Background())
	defer end()
	handler, err := api.New(life, api.Config{MaxStreams: 5000}, deps)
	if err != nil {
		log.Print(err)
		return
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	server.RegisterOnShutdown(end)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Print(err)
	}
}
