package cli

import (
	"net/http"
	"os"
	"strings"

	"github.com/topcentral/spillway/app/client"
	"github.com/topcentral/spillway/app/config"
)

// server is the part of the command line that says which Spillway to talk to.
type server struct {
	Server string `env:"SPILLWAY_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Where the API is; by default what ${env} says, else ${default}."`
}

// client returns a client of that API.
func (s server) client() *client.Client {
	return &client.Client{Base: strings.TrimRight(s.Server, "/"), Key: os.Getenv(config.KeyEnv), HTTP: http.DefaultClient}
}
