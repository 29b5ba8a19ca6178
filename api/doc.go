// Package api is Spillway's HTTP surface: callers submit, read, follow, cancel and
// retry jobs here, and see agents and health.
//
// The contract is openapi.yaml, which callers read too. Routes, parameters and
// responses are generated from it into internal/spec, and requests are checked
// against its schemas at run time, so that what is published is what is enforced.
// Types of package tasks are used as they are; overlay.yaml says which component
// is which type.
//
// What happens to a request before its handler is one list in order, in
// pipeline.go. Package api/internal/contract checks requests against
// openapi.yaml, and api/internal/httpx has what does not depend on jobs:
// deadlines, problems, event streams. Handlers are plain methods that take a
// context and a request and return a response or an error; only router.go and the
// generated code know Echo. Every error, on every path, is written as a problem.
//
// A handler that waits for a job, for a long poll or an event stream, is woken by
// [Events], so the number of waiters costs the store nothing.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config codegen.yaml openapi.yaml
