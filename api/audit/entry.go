package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/tasks"
)

// Outcome is how a change ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"    // it was made
	Refused Outcome = "refused" // it was not made; the code says why
	Failed  Outcome = "failed"  // the service failed; it may have been made
)

// OutcomeOf returns the outcome that an HTTP status means.
func OutcomeOf(status int) Outcome {
	switch {
	case status < 400:
		return Done
	case status < 500:
		return Refused
	}
	return Failed
}

// ByCommand is the method of a user that ran a command on a machine of the installation.
const ByCommand access.Method = "command"

// Actions of the log itself.
const (
	actionBegin    = "audit.begin"    // the first line of a chain
	actionStart    = "audit.start"    // a process opened an existing file
	actionContinue = "audit.continue" // the first line of a new file; the object is the previous one
	actionRecover  = "audit.recover"  // an incomplete line was put aside; the object is the file that has it
)

// Entry is one line. The log fills in Sequence, Previous, the hash, and Time if it
// is zero.
type Entry struct {
	Sequence  uint64        `json:"seq"`
	Time      time.Time     `json:"ts"`
	Tenant    string        `json:"tenant,omitempty"`
	Method    access.Method `json:"method,omitempty"`  // how the caller was identified
	Subject   string        `json:"subject,omitempty"` // the ID of the key, the token's subject, or who ran the command
	Address   netip.Addr    `json:"ip,omitzero"`
	Action    string        `json:"action"`           // the operation, as the contract or the log calls it
	Object    string        `json:"object,omitempty"` // what it was done to
	Outcome   Outcome       `json:"outcome"`
	Status    int           `json:"status,omitempty"` // of the HTTP answer
	Code      tasks.Code    `json:"code,omitempty"`   // of the problem
	RequestID string        `json:"request_id,omitempty"`
	// Egress is set in lines of the egress ledger.
	Egress   *tasks.Egress `json:"egress,omitempty"`
	Previous string        `json:"prev_hash"` // "" in the first line of a chain
}

// By returns e as done by p.
func (e Entry) By(p access.Principal) Entry {
	e.Tenant, e.Method, e.Subject, e.Address = p.Tenant, p.Method, p.Subject, p.Address
	return e
}

// maxText is the length of the longest text in a line, in bytes: callers choose paths
// and subjects.
const maxText = 256

// bounded returns e without secrets and with its texts shortened.
func (e Entry) bounded() Entry {
	for _, text := range []*string{&e.Tenant, &e.Subject, &e.Action, &e.Object, &e.RequestID} {
		*text = access.Redact(*text)
		if len(*text) > maxText {
			*text = string(bytes.ToValidUTF8([]byte((*text)[:maxText]), nil)) + "…"
		}
	}
	return e
}

// Key makes the hashes keyed ones (HMAC). The zero Key makes plain ones.
type Key struct{ secret []byte }

// minKey is the fewest bytes that a key may have.
const minKey = 32

// UnmarshalText reads a key in hex or base64; "" is the zero Key. The error does
// not quote it.
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = Key{}
		return nil
	}
	secret, err := hex.DecodeString(string(text))
	if err != nil {
		secret, err = decodeBase64(string(text))
	}
	if err != nil || len(secret) < minKey {
		return fmt.Errorf("want %d bytes or more in hex or base64, such as \"openssl rand -hex 32\" makes", minKey)
	}
	k.secret = secret
	return nil
}

// String hides the key.
func (k Key) String() string { return "***" }

// sum returns the hash of a line up to the hash, in hex.
func (k Key) sum(line []byte) string {
	if len(k.secret) == 0 {
		digest := sha256.Sum256(line)
		return hex.EncodeToString(digest[:])
	}
	mac := hmac.New(sha256.New, k.secret)
	mac.Write(line)
	return hex.EncodeToString(mac.Sum(nil))
}

// hashMember is between what is hashed and the hash.
const hashMember = `,"hash":"`

// hashEnd is how many bytes a line ends with from hashMember on: the hash in
// hex, a quote and a brace.
const hashEnd = len(hashMember) + 2*sha256.Size + len(`"}`)

// appendLine appends e as a line to buf, and returns its hash.
func appendLine(buf []byte, e Entry, k Key) (grown []byte, hash string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return buf, "", fmt.Errorf("encode: %w", err)
	}
	body = body[:len(body)-1] // the brace comes after the hash
	hash = k.sum(body)
	buf = append(append(buf, body...), hashMember...)
	return append(append(buf, hash...), "\"}\n"...), hash, nil
}

// The faults of a line.
var (
	errForm = errors.New("it is not a line of an audit log")
	errHash = errors.New("its hash does not match: the line was changed, or SPILLWAY_AUDIT_KEY is not the key it was written with")
)

// readLine reads a line without its line break, and checks its own hash.
func readLine(line []byte, k Key) (e Entry, hash string, err error) {
	at := len(line) - hashEnd
	if at < 0 || !bytes.HasPrefix(line[at:], []byte(hashMember)) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return e, "", errForm
	}
	body := line[:at]
	hash = string(line[at+len(hashMember) : len(line)-2])
	if !hmac.Equal([]byte(k.sum(body)), []byte(hash)) {
		return e, "", errHash
	}
	d := json.NewDecoder(bytes.NewReader(append(bytes.Clone(body), '}')))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, "", errForm
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return e, "", errForm
	}
	return e, hash, nil
}
