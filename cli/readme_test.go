package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// readmeUse is what the part "Use it" of the README promises of each block of
// commands, in order: what the blocks print must match.
var readmeUse = []struct{ what, prints string }{
	{"post", `(?s)HTTP/1.1 202.*Location: /jobs/job_.*Retry-After: \d`},
	{"post for later", `(?s)HTTP/1.1 202.*"state":"scheduled"`},
	{"idempotent", `(?s)HTTP/1.1 (202|200.*Idempotent-Replayed: true)`},
	{"get", `(?s)"state":"succeeded".*\}\n?\{[^}]*"summary":`},
	{"follow", `event: job.succeeded`},
	{"cancel and retry", `(?s)HTTP/1.1 200.*"state":"canceled".*HTTP/1.1 202.*"state":"queued"`},
	{"batch and list", `(?s)"accepted":1.*"refused":1.*"data":\[.*"has_more":`},
	{"dry run", `(?s)"priority":"high".*"max_cost_usd":`},
	{"see", `(?s)"id":"A02".*"input_schema".*"lanes".*openapi: 3\.1.*<html`},
	{"mistakes", `(?s)"status":400.*/input/authority`},
	{"webhook endpoints", `(?s)"secret":"whsec_.*"webhook_id":.*"data":\[`},
	{"command line", `(?s)"state": "succeeded".*job.succeeded.*canceled\n.*queued\n.*"state": "succeeded".*A03 .*"id": "A02".* ok\n.*SPILLWAY_REDIS_URL`},
}

// TestReadmeCommands runs the commands of the README, in both languages, as they
// stand there and in their order, against "spillway dev".
func TestReadmeCommands(t *testing.T) {
	needsTool(t, "curl")
	s := dev(t)
	sh := newShell(t)
	for _, file := range []string{"../README.md", "../README.zh.md"} {
		t.Run(file, func(t *testing.T) {
			blocks := blocksOf(t, file)
			if len(blocks) != len(readmeUse) {
				t.Fatalf("got %d blocks of commands, want %d", len(blocks), len(readmeUse))
			}
			before := "" // variables that blocks before have set
			for i, b := range blocks {
				b = strings.NewReplacer("http://127.0.0.1:8080", s.api, "go build .\n", "").Replace(b)
				out, err := sh.run(before + b)
				if err != nil || !regexp.MustCompile(readmeUse[i].prints).MatchString(out) {
					t.Errorf("%s: %v; want it to print %s\n%s\n%s", readmeUse[i].what, err, readmeUse[i].prints, b, out)
				}
				if strings.HasPrefix(b, "id=") {
					before = "id=" + find(out, `job_[0-9a-f]{32}`) + "\n"
				}
			}
		})
	}
}

// blocksOf returns the blocks of shell commands in the part that begins with the
// README's second heading of parts, "Use it".
func blocksOf(t *testing.T, file string) []string {
	t.Helper()
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(readme), "\n## ")
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(parts[2], -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}
