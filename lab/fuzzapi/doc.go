// Package fuzzapi asks an HTTP API everything that its OpenAPI document allows,
// nearly allows and forbids, and holds each answer against that document.
//
// A run is made of rounds. In a round one caller after another sends some hundred
// requests: valid ones, which must be accepted; nearly valid ones, with one
// thing wrong, which must be refused for it; and hostile ones, which may be
// refused in any way that the document describes. Their callers have a good
// credential, none, a bad one, one that may do too little, or one of another
// tenant. What a round does is decided by the seed and the number of the round
// alone, so that a failure, which names both, can be reproduced.
//
// The fuzzer learns from answers, as a client does: it asks for the jobs it has
// made, and follows the links it is given. It drives a handler in the process,
// with requests that are read from their bytes by net/http, and so knows no
// network: what net/http itself refuses to read is counted and left out.
package fuzzapi
