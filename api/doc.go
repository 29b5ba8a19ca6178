// Package api is Spillway's HTTP surface: jobs are submitted, looked at,
// followed, canceled and retried here, and agents and health are shown.
//
// The contract is openapi.yaml, which callers read too. Routes, parameters and
// responses are generated from it into internal/spec, and request bodies are
// checked against its schemas at run time, so that what is published is what is
// enforced. Types of package tasks are used as they are; overlay.yaml says
// which component is which type.
//
// Handlers are plain methods that take a context and a request and return a
// response or an error; only server.go and the generated code know Echo. Whatever
// goes wrong, on whatever path, is written by problem.go.
//
// A handler that waits for a job, be it a long poll or an event stream, only
// ranges over [Events.Watch], so the number of waiters costs the store nothing.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config codegen.yaml openapi.yaml
