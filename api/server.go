package api

import (
	"context"
	_ "embed" // for openapi.yaml
	"errors"
	"fmt"

	"github.com/topcentral/spillway/api/docs"
	"github.com/topcentral/spillway/api/internal/contract"
	"github.com/topcentral/spillway/api/internal/spec"
)

//go:embed openapi.yaml
var openapiYAML []byte

// server answers the operations of the contract.
type server struct {
	life     context.Context // event streams and long polls end with it
	cfg      Config
	jobs     Jobs
	webhooks Webhooks // nil: none are sent
	events   Events
	agents   func() []AgentDefinition
	health   func(context.Context) Health
	contract *contract.Contract
	docs     map[string]docs.File // the pages that show the contract, by name
	slots    *slots
	bodies   *bodyMemory
	metrics  *metrics
}

var _ spec.StrictServerInterface = (*server)(nil)

func newServer(life context.Context, cfg Config, deps Deps) (*server, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	c, err := contract.Read(openapiYAML)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	pages, err := docs.Files()
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &server{
		life:     life,
		cfg:      cfg,
		jobs:     withTimeLimit{deps.Jobs, cfg.RequestTimeout},
		webhooks: deps.Webhooks,
		events:   deps.Events,
		agents:   deps.Agents,
		health:   deps.Health,
		contract: c,
		docs:     pages,
		slots:    newSlots(cfg.MaxStreams),
		bodies:   newBodyMemory(bodyMemoryFactor * cfg.MaxBody),
		metrics:  newMetrics(cfg.Metrics, cfg.MaxStreams),
	}, nil
}
