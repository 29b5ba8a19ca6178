package tasks

import "time"

// Egress is one request that took a job's data to a cloud, as the egress ledger
// has it. It is written before the request is sent, so a connection that failed
// has one, too. It holds no data of the job.
type Egress struct {
	// Series and Number count the requests of an installation: within a series no
	// number is missing, unless a line was lost. A Redis that lost its data begins
	// another series.
	Series string `json:"series"`
	Number int64  `json:"number"`

	At       time.Time      `json:"at"`
	Tenant   string         `json:"tenant"`
	Job      string         `json:"job"`
	Agent    string         `json:"agent"`
	Attempt  int            `json:"attempt"`
	Worker   string         `json:"worker"`
	Provider string         `json:"provider"`
	Model    string         `json:"model"`
	Host     string         `json:"host"` // that was called, with its port
	Privacy  Privacy        `json:"privacy"`
	Masked   map[string]int `json:"masked,omitempty"` // values masked, by kind; nil: nothing was
	Bytes    int64          `json:"bytes"`            // of the body
	SHA256   string         `json:"sha256"`           // of the body, in hex
}
