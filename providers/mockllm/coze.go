package mockllm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// cozeErrors are Coze's codes, mostly inside HTTP 200.
var cozeErrors = map[Fault]failure{
	RateLimited:     {status: 200, code: "4013", message: "The request frequency has exceeded the limit, please try again later."},
	QuotaDead:       {status: 200, code: "4028", message: "The free quota of API calls has been used up."},
	AuthDead:        {status: 401, code: "4100", message: "authentication is invalid"},
	BadRequest:      {status: 200, code: "4000", message: "Request parameter error: bot_id is invalid"},
	ServerError:     {status: 200, code: "5000", message: "Internal server error"},
	Overloaded:      {status: 503, message: "Service Unavailable"}, // the gateway's
	UpstreamTimeout: {status: 504, message: "Gateway Timeout"},
}

// cozeDialect reads and writes the chat API: a chat is created, looked at until
// it has ended, and its messages are listed.
type cozeDialect struct {
	*chats
	server *Server
}

// chats are those that were created, by ID.
type chats struct {
	mu   sync.Mutex
	byID map[string]*chat
	ids  []string // oldest first
}

// maxChats bounds how many chats are kept.
const maxChats = 10_000

// chat is one question, and the answer that it has, or will have.
type chat struct {
	id, bot  string
	rep      *reply
	fault    Fault
	created  time.Time
	due      time.Time // when it has ended; zero: never
	canceled bool
}

func (s *Server) coze(svc *service) {
	d := cozeDialect{&chats{byID: map[string]*chat{}}, s}
	base := Path(Coze)
	s.mux.HandleFunc("POST "+base+"/v3/chat", s.serve(svc, d))
	for _, method := range []string{"GET ", "POST "} {
		s.mux.HandleFunc(method+base+"/v3/chat/retrieve", d.on(d.state))
		s.mux.HandleFunc(method+base+"/v3/chat/message/list", d.on(d.messages))
	}
	s.mux.HandleFunc("POST "+base+"/v3/chat/cancel", d.on(d.cancel))
}

func (d cozeDialect) read(r *http.Request, body []byte) (*ask, *refusal) {
	var in struct {
		Bot      string    `json:"bot_id"`
		User     string    `json:"user_id"`
		Messages []message `json:"additional_messages"`
		Stream   bool      `json:"stream"`
		Save     *bool     `json:"auto_save_history"`
	}
	if json.Unmarshal(body, &in) != nil {
		return &ask{}, &refusal{fault: BadRequest, message: "Request parameter error: the body is not JSON"}
	}
	a := &ask{Ask: Ask{Model: in.Bot, Prompt: joined(in.Messages)}}
	a.input, a.schema = tokens(a.Prompt), schemaIn(a.Prompt)
	switch {
	case !authorized(r):
		return a, &refusal{fault: AuthDead}
	case in.Bot == "" || in.User == "":
		return a, &refusal{fault: BadRequest, message: "Request parameter error: bot_id and user_id are required"}
	case len(in.Messages) > 100:
		return a, &refusal{fault: BadRequest, message: "Request parameter error: additional_messages holds more than 100"}
	case in.Stream:
		return a, &refusal{fault: BadRequest, message: "this mock does not stream chats"}
	case in.Save != nil && !*in.Save:
		return a, &refusal{fault: BadRequest, message: "Request parameter error: auto_save_history must be true when stream is false"}
	}
	return a, nil
}

func (cozeDialect) refuse(w http.ResponseWriter, a *ask, c refusal) {
	f := c.words(cozeErrors, a)
	if f.code == "" {
		retryAfter(w, c.retry)
		http.Error(w, f.message, f.status)
		return
	}
	cozeAnswer(w, f.status, f.code, f.message, nil)
}

// responder is for HTML pages only; answers are listed by a later request.
func (cozeDialect) responder(w http.ResponseWriter, a *ask) responder {
	return &ollamaResponder{stream: stream{w}, a: a}
}

func cozeAnswer(w http.ResponseWriter, status int, code, message string, data any) {
	sendJSON(w, status, object{"code": json.Number(code), "msg": message, "data": data, "detail": object{"logid": "mock"}})
}

// start keeps the chat, and responds with its state.
func (d cozeDialect) start(p *player) bool {
	if p.act.Fault == Drop || p.act.Fault == EarlyEnd {
		panic(http.ErrAbortHandler)
	}
	c := &chat{id: p.rep.id, bot: p.a.Model, rep: p.rep, fault: p.act.Fault, created: time.Now()}
	if c.fault != Hang && c.fault != Stall {
		c.due = c.created.Add(p.act.Wait + p.act.Takes)
	}
	d.keep(c)
	cozeAnswer(p.w, http.StatusOK, "0", "", c.view(false))
	return c.fault != ErrorInside && !c.due.IsZero()
}

func (d cozeDialect) keep(c *chat) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ids) >= maxChats {
		delete(d.byID, d.ids[0])
		d.ids = d.ids[1:]
	}
	d.byID[c.id] = c
	d.ids = append(d.ids, c.id)
}

// on serves a request that names a chat.
func (d cozeDialect) on(serve func(http.ResponseWriter, *chat)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("chat_id")
		if id == "" {
			var in struct {
				ID string `json:"chat_id"`
			}
			if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in) == nil {
				id = in.ID
			}
		}
		if !authorized(r) {
			d.refuse(w, &ask{}, refusal{fault: AuthDead})
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		c := d.byID[id]
		if c == nil {
			d.refuse(w, &ask{}, refusal{fault: BadRequest, message: "Request parameter error: there is no such chat"})
			return
		}
		serve(w, c)
	}
}

func (d cozeDialect) state(w http.ResponseWriter, c *chat) {
	cozeAnswer(w, http.StatusOK, "0", "", c.view(true))
}

func (d cozeDialect) cancel(w http.ResponseWriter, c *chat) {
	if c.status() == "in_progress" {
		c.canceled = true
		d.server.ended(Ask{Provider: Coze, Model: c.bot}, Call{
			Provider: Coze, Model: c.bot, Outcome: Canceled, Start: c.created, End: time.Now(), Left: true,
		})
	}
	cozeAnswer(w, http.StatusOK, "0", "", c.view(true))
}

func (d cozeDialect) messages(w http.ResponseWriter, c *chat) {
	list := []object{}
	if c.status() == "completed" {
		one := func(kind, text string) object {
			return object{
				"id": fmt.Sprintf("%s-%d", c.id, len(list)), "conversation_id": "conversation-" + c.id, "chat_id": c.id, "bot_id": c.bot,
				"role": "assistant", "type": kind, "content": text, "content_type": "text",
			}
		}
		list = append(list, one("verbose", `{"msg_type":"generate_answer_finish","data":""}`))
		answer := one("answer", c.rep.text)
		if c.rep.reasoning != "" {
			answer["reasoning_content"] = c.rep.reasoning
		}
		list = append(list, answer, one("follow_up", "Shall I go on?"))
	}
	cozeAnswer(w, http.StatusOK, "0", "", list)
}

func (c *chat) status() string {
	switch {
	case c.canceled:
		return "canceled"
	case c.due.IsZero() || time.Now().Before(c.due):
		return "in_progress"
	case c.fault == ErrorInside:
		return "failed"
	}
	return "completed"
}

// view returns a chat as the API shows it. A new chat never has ended.
func (c *chat) view(again bool) object {
	o := object{
		"id": c.id, "conversation_id": "conversation-" + c.id, "bot_id": c.bot, "created_at": c.rep.at.Unix(),
		"status": "in_progress", "last_error": object{"code": 0, "msg": ""},
	}
	if !again {
		return o
	}
	o["status"] = c.status()
	if c.status() == "failed" {
		e := cozeErrors[ServerError]
		o["last_error"] = object{"code": json.Number(e.code), "msg": strings.ToLower(e.message)}
	}
	if c.status() != "in_progress" {
		u := c.rep.usage
		o["usage"] = object{"token_count": u.Input + u.Output, "input_count": u.Input, "output_count": u.Output}
	}
	return o
}
