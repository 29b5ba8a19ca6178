// Package config holds every setting of an installation, and is where they are
// read from the environment, checked, and listed.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/topcentral/spillway/api/access"
	"github.com/topcentral/spillway/api/audit"
	"github.com/topcentral/spillway/providers/budget"
	"github.com/topcentral/spillway/providers/limits"
	"github.com/topcentral/spillway/providers/presets"
	"github.com/topcentral/spillway/providers/privacy"
	"github.com/topcentral/spillway/tasks/queue"
	"github.com/topcentral/spillway/worker/webhook"
)

// Config is every setting of an installation. Each is an environment variable:
// SPILLWAY_ and the name given here.
type Config struct {
	RedisURL      string        `split_words:"true" default:"redis://127.0.0.1:6379/0" desc:"where Redis is: redis://host:6379/0, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/master-name/0; rediss for TLS, with files in ?tls_ca=, tls_cert= and tls_key=; unix:///path/to/redis.sock?db=0 for a socket"`
	RedisWait     time.Duration `split_words:"true" default:"5m" desc:"how long api and worker wait at their start for a Redis that does not answer or still loads its data; 0: not at all"`
	Shards        Shards        `default:"1" desc:"slots that jobs are spread over; more than 1 only on a Redis Cluster, the same in every process, and never changed while jobs are kept"`
	QueuePrefix   queue.Prefix  `split_words:"true" desc:"put before the names of the queues' keys in Redis, the same in every process, where another application with asynq uses the same database; none by default"`
	Durability    Durability    `default:"default" desc:"default: a new job is on disk when Redis puts it there, within 1 s by appendfsync everysec; fsync: before it is acknowledged, by Redis 7.2 or newer"`
	APIListen     string        `split_words:"true" default:"127.0.0.1:8080" desc:"address of the HTTP API"`
	APIMaxBody    int64         `split_words:"true" default:"1048576" desc:"largest request body, in bytes"`
	APIMaxStreams int           `split_words:"true" default:"20000" desc:"event streams and long polls that one process holds open at once, about 32 KB each; a tenant gets no more of them than are left for the others, half at most"`

	Auth           Authentication `default:"auto" desc:"whether callers must show an API key or a token: required; off, which only a loopback address allows; auto: off on loopback, else required"`
	JWTJwks        string         `split_words:"true" desc:"where the keys of the issuer of JSON Web Tokens are, an https URL or a file; with the next two, its tokens are accepted as well as API keys"`
	JWTIssuer      string         `split_words:"true" desc:"what the claim iss must be"`
	JWTAudience    string         `split_words:"true" desc:"what the claim aud must hold"`
	JWTTenantClaim string         `split_words:"true" default:"tenant" desc:"claim that names the tenant"`
	JWTScopeClaim  string         `split_words:"true" default:"scope" desc:"claim that holds the scopes"`
	RateLimit      access.Rate    `split_words:"true" default:"600/min" desc:"requests that each key or token may make, unless the key says otherwise: 600/min, 20/s, 600/min:100 (100 at once) or none"`
	QueuedQuota    int            `split_words:"true" default:"10000" desc:"jobs that each tenant may have waiting at once; 0: as many as it likes"`
	TenantWeights  tenantWeights  `split_words:"true" desc:"turns that tenants have while many jobs wait in a queue, as in acme=3,free=0.5; a tenant that is not named has 1"`
	KeptJobs       int64          `split_words:"true" default:"100000" desc:"jobs that each tenant may keep, ended ones included; 0: as many as it likes"`
	KeptBytes      int64          `split_words:"true" default:"0" desc:"bytes that each tenant's jobs may take in Redis, about 16 KB and the input each; 0: a third of maxmemory, and any number where Redis has no limit"`
	RedisHighWater float64        `split_words:"true" default:"85" desc:"percentage of Redis' memory above which new jobs are refused (503) while reads, cancels and running jobs go on; 0: never"`
	RedisMemory    int64          `split_words:"true" default:"0" desc:"bytes that Redis may use where its maxmemory is 0; 0: no limit"`
	AllowIps       []netip.Prefix `split_words:"true" desc:"networks that callers may come from, e.g. 10.0.0.0/8,203.0.113.7/32; all by default"`
	TrustedProxies []netip.Prefix `split_words:"true" desc:"networks of proxies whose X-Forwarded-For is believed; none by default"`

	TLSCert              string `split_words:"true" desc:"file with the certificate chain of the API, in PEM; read again when it changes"`
	TLSKey               string `split_words:"true" desc:"file with its key"`
	TLSTerminatedByProxy bool   `split_words:"true" default:"false" desc:"a proxy before the API ends TLS, so that it may serve other machines in the clear"`

	AdminListen string    `split_words:"true" default:"127.0.0.1:8081" desc:"address for operators, with the dashboard of the queues, probes and metrics, served by api and dev; off: none"`
	AuditFile   string    `split_words:"true" desc:"file of the audit log, one for each process that serves the API; without it no audit log is kept"`
	AuditKey    audit.Key `split_words:"true" desc:"32 bytes or more in hex or base64: key of the audit log's hashes, which cannot be computed without it"`

	EgressLedger bool `split_words:"true" default:"true" desc:"record each request that takes a job's data to a cloud, before it is sent; the lines are in the audit log, and what cannot be recorded is not sent"`

	AgentsDir string `split_words:"true" desc:"directory with agents of your own, laid over the built-in ones and re-read when it changes"`

	OllamaURL     string        `split_words:"true" default:"http://127.0.0.1:11434" desc:"where Ollama listens"`
	OllamaNumCtx  int           `split_words:"true" default:"8192" desc:"context of every local call, in tokens; one value, so that models are not reloaded"`
	OllamaStandIn bool          `split_words:"true" default:"true" desc:"let another installed model answer where an agent's own is not installed"`
	LocalTimeout  time.Duration `split_words:"true" default:"120s" desc:"longest local call; one that has not begun after three quarters of it, or falls silent for 20 s, ends sooner"`
	LocalProxy    bool          `split_words:"true" default:"false" desc:"send calls of local models through HTTP_PROXY and HTTPS_PROXY, as those of clouds always are; what they are asked is not masked"`
	CloudTimeout  time.Duration `split_words:"true" default:"60s" desc:"longest call of a cloud API, and likewise"`

	BreakerFailures int           `split_words:"true" default:"5" desc:"failures, or bad answers, in a row after which a model is left alone; so is one that fails half of its last 20 calls"`
	BreakerCoolDown time.Duration `split_words:"true" default:"10s" desc:"how long it is left alone before one call tries it again; doubled each time that fails, up to 2 min; 10 min when the key or the account is refused"`
	BreakerSlow     float64       `split_words:"true" default:"0.9" desc:"an answer that takes this share of the longest call counts as a failure; 0: none does"`

	PrivacyMinimum         privacyMinimum `split_words:"true" default:"any" desc:"least privacy of all jobs: any, mask_fields, mask or local_only; by tenant as in acme=local_only,*=mask"`
	PrivacySendUnexplained bool           `split_words:"true" default:"false" desc:"send masked jobs also when their free text holds words that look like names and that masking does not know; otherwise they stay local or wait"`
	PrivacyNames           string         `split_words:"true" default:"auto" desc:"local model that lists the names in free texts before a job is masked, as provider/model; auto: the smallest that can be reached; off: none"`
	PrivacyNamesTimeout    time.Duration  `split_words:"true" default:"8s" desc:"longest that a job waits for that list; never more than a quarter of the time that it has left on the lane"`
	PrivacyKey             privacy.Key    `split_words:"true" desc:"32 bytes in base64: mask tokens are derived from it, and the map back to the values is kept with the job, encrypted with it; without it no map is kept"`

	Limits     limits.Settings `split_words:"true" desc:"limits of your accounts where they are not the usual ones: requests (rpm) and tokens (tpm) per minute and calls at once, across all workers, e.g. kimi:rpm=60,concurrency=4;deepseek/deepseek-v4-pro:concurrency=100; 0: no limit"`
	Budgets    budget.Settings `split_words:"true" desc:"dollars that a provider, a tenant or an agent may cost per day or month, e.g. tenant:acme=10/day,provider:deepseek=50/month,agent:A03=5/day,tenant:*=1/day; * gives each one its own"`
	BudgetZone Zone            `split_words:"true" default:"Asia/Shanghai" desc:"time zone in which the days and months of budgets begin"`

	LocalSlots      int     `split_words:"true" default:"1" desc:"concurrent jobs on local models; as many as the GPU can run"`
	CloudSlots      int     `split_words:"true" default:"8" desc:"cloud jobs at once of each complexity"`
	HostCPULimit    float64 `split_words:"true" default:"80" desc:"load of the CPU, in percent over about 10 s, above which a worker takes no further local job; 0: none; dev and demo have none"`
	HostMemoryLimit float64 `split_words:"true" default:"80" desc:"memory in use, in percent, above which it takes none either; 0: none"`

	WorkerListen string        `split_words:"true" default:"off" desc:"address at which a worker serves probes and metrics, e.g. 127.0.0.1:8082; off: none"`
	WorkerDrain  time.Duration `split_words:"true" default:"2m" desc:"how long running jobs may continue after a worker begins to shut down"`

	Retention time.Duration `split_words:"true" default:"168h" desc:"how long ended jobs are kept"`

	WebhookSecret          []webhook.Secret `split_words:"true" desc:"whsec_… that the secrets which sign webhooks are sealed with; two, separated by a comma, while it is rotated; without it callback_url is refused"`
	WebhookSharedSignature bool             `split_words:"true" default:"true" desc:"sign webhooks to callback URLs with SPILLWAY_WEBHOOK_SECRET in addition to each tenant's own secret, for receivers that still verify with it; false once they use GET /webhooks/secret"`
	WebhookAllow           []netip.Prefix   `split_words:"true" desc:"networks that webhooks may reach although they are private, by plain http and on every port, e.g. 10.0.0.0/8,fd00::/8"`

	LogLevel  slog.Level `split_words:"true" default:"INFO" desc:"DEBUG, INFO, WARN or ERROR"`
	LogFormat string     `split_words:"true" default:"text" desc:"text or json"`

	OpenaiCompatible compatibleServers `split_words:"true" desc:"local servers without a key that speak OpenAI's chat API, e.g. farm=http://10.0.0.9:8000/v1,lmstudio=http://127.0.0.1:1234/v1"`
	ProvidersFile    string            `split_words:"true" desc:"YAML file with servers and clouds of your own"`
	CloudOrder       cloudOrder        `split_words:"true" desc:"clouds to ask first, by complexity, e.g. extreme=deepseek,kimi;low=minimax; the others follow in the usual order"`

	Clouds  []Service        `ignored:"true"` // those that have a key
	Servers []Service        `ignored:"true"` // self-hosted, in addition to Ollama
	Keyless []presets.Preset `ignored:"true"` // of the providers file, whose key is not set
	Unknown []string         `ignored:"true"` // descriptions of variables that are no settings
	OTLP    OTLP             `ignored:"true"` // what is exported to a collector
	TunesGC bool             `ignored:"true"` // GOGC or GOMEMLIMIT is set
}
