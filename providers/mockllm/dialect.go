package mockllm

import (
	"net/http"
	"time"
)

// dialect is the API of a provider.
type dialect interface {
	// read decodes a request, or returns why it is refused.
	read(r *http.Request, body []byte) (*ask, *refusal)
	// refuse responds with an error in the form of the service.
	refuse(w http.ResponseWriter, a *ask, c refusal)
	// responder returns the writer of an answer.
	responder(w http.ResponseWriter, a *ask) responder
}

// responder writes one answer.
type responder interface {
	begin(*reply)                 // the status and the headers
	heartbeat()                   // a sign of life before the first piece; may be nothing
	piece(text, reasoning string) // a part of the answer
	end(*reply)                   // all that follows the last piece
	broken(refusal)               // an error after the status was sent
	garbage()                     // what is no answer in any dialect
}

// ask is a request as it was read.
type ask struct {
	Ask
	stream   bool
	schema   []byte
	limit    int  // tokens of the answer, 0 for none
	room     int  // tokens of the prompt, 0 for no bound
	cut      bool // a prompt that is too long is cut silently
	thinks   bool
	input    int // tokens of the prompt
	body     []byte
	protocol any // for the dialect alone
}

// reply is a complete answer.
type reply struct {
	id              string
	text, reasoning string
	finish          string // stop or length
	usage           Usage
	load            time.Duration
	prefill, decode time.Duration
	at              time.Time
}
