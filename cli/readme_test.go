package cli

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promise is what a block of commands in a page must print.
type promise struct{ what, prints string }

// readmeUse has a promise for each block in the README's part "Use it".
var readmeUse = []promise{
	{"post", `(?s)HTTP/1.1 202.*Location: /jobs/job_.*Retry-After: \d`},
	{"get", `(?s)"state":"succeeded".*\}\n?\{[^}]*"summary":`},
	{"receiver", `listening: http://127.0.0.1:\d+`},
	{"callback", `(?s)HTTP/1.1 202.*"id":"job_`},
}

// tourBlocks has a promise for each block of the tour before its outage.
var tourBlocks = []promise{
	{"post", `(?s)HTTP/1.1 202.*Location: /jobs/job_.*Retry-After: \d`},
	{"post for later", `(?s)HTTP/1.1 202.*"state":"scheduled"`},
	{"idempotent", `(?s)HTTP/1.1 (202|200.*Idempotent-Replayed: true)`},
	{"get", `(?s)"state":"succeeded".*\}\n?\{[^}]*"summary":`},
	{"follow", `event: job.succeeded`},
	{"cancel and retry", `(?s)HTTP/1.1 200.*"state":"canceled".*HTTP/1.1 202.*"state":"queued"`},
	{"batch and list", `(?s)"accepted":1.*"refused":1.*"data":\[.*"has_more":`},
	{"plan", `(?s)"priority":"high".*"max_cost_usd":`},
	{"mistakes", `(?s)"status":400.*/input/authority`},
	{"see", `(?s)"id":"A02".*"input_schema".*"lanes".*openapi: 3\.1.*<html`},
	{"webhook endpoints", `(?s)"secret":"whsec_.*"webhook_id":.*"data":\[`},
	{"command line", `(?s)"state": "succeeded".*job.succeeded.*canceled\n.*queued\n.*"state": "succeeded".*A03 .*"id": "A02".* ok\n.*SPILLWAY_REDIS_URL`},
}

// TestReadmeCommands runs the commands of the README and the tour, in both
// languages, as written and in order, against "spillway dev".
func TestReadmeCommands(t *testing.T) {
	needsTool(t, "curl")
	needsTool(t, "python3")
	s := dev(t)
	sh := newShell(t)
	for _, page := range []struct {
		file     string
		from, to int // which parts of the page, by their headings
		promises []promise
	}{
		{"../README.md", 2, 3, readmeUse},
		{"../README.zh.md", 2, 3, readmeUse},
		{"../docs/tour.md", 1, -1, tourBlocks},
		{"../docs/tour.zh.md", 1, -1, tourBlocks},
	} {
		t.Run(page.file, func(t *testing.T) {
			blocks := blocksOf(t, page.file, page.from, page.to)
			if len(blocks) != len(page.promises) {
				t.Fatalf("got %d blocks of commands, want %d", len(blocks), len(page.promises))
			}
			receiver := ""   // its URL, once it listens
			var heard func() // waits for the receiver to get a webhook
			before := ""     // variables that earlier blocks have set
			for i, b := range blocks {
				want := page.promises[i]
				b = strings.NewReplacer("http://127.0.0.1:8080", s.api, "go build .\n", "", "receiver.py", "receiver.py 0").Replace(b)
				if want.what == "receiver" {
					receiver, heard = runReceiver(t, sh, b)
					continue
				}
				if receiver != "" {
					b = strings.ReplaceAll(b, "http://127.0.0.1:8000", receiver)
				}
				out, err := sh.run(before + b)
				if err != nil || !regexp.MustCompile(want.prints).MatchString(out) {
					t.Errorf("%s: %v; want it to print %s\n%s\n%s", want.what, err, want.prints, b, out)
				}
				if strings.HasPrefix(b, "id=") {
					before = "id=" + find(out, `job_[0-9a-f]{32}`) + "\n"
				}
			}
			if heard != nil {
				heard()
			}
		})
	}
}

// runReceiver runs the commands that start a webhook receiver, until the test
// ends. It returns the receiver's URL, and a function that waits until a webhook
// has come and was verified.
func runReceiver(t *testing.T, sh shell, commands string) (url string, heard func()) {
	t.Helper()
	c := exec.Command("sh", "-e", "-c", strings.Replace(commands, "\npython3", "\nexec python3", 1))
	c.Dir = sh.dir
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 16)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		for range lines { // until its output ends, as Wait demands
		}
		_ = c.Wait()
	})
	url = find(receive(t, lines), `listening: (http://\S+)`)
	return url, func() {
		t.Helper()
		if got := receive(t, lines); !strings.HasPrefix(got, "received: job.succeeded job_") {
			t.Errorf("the receiver printed %q", got)
		}
	}
}

// TestTourOutage plays the outage of the tour, in both languages: with the
// mock's settings as written, the last block's job ends at Kimi.
func TestTourOutage(t *testing.T) {
	needsTool(t, "curl")
	for _, file := range []string{"../docs/tour.md", "../docs/tour.zh.md"} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			blocks := blocksOf(t, file, -1, 0)
			if len(blocks) != 3 {
				t.Fatalf("got %d blocks of commands, want 3", len(blocks))
			}
			addr := freeAddress(t)
			serve(t, regexp.MustCompile(`/control`), "mock-llm", "--listen", addr)
			for _, m := range regexp.MustCompile(`(\w+)=(\S+)`).FindAllStringSubmatch(blocks[1], -1) {
				t.Setenv(m[1], strings.Replace(m[2], "127.0.0.1:11500", addr, 1))
			}
			dev(t)
			out, err := newShell(t).run(strings.ReplaceAll(blocks[2], "127.0.0.1:11500", addr))
			want := `(?s)"ollama/.*"transport".*"deepseek/.*"quota_dead".*"kimi/.*"succeeded"`
			if err != nil || !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%v; want it to print %s\n%s", err, want, out)
			}
		})
	}
}

// blocksOf returns the blocks of shell commands in a page's parts from the first
// to before the last, which begin with a heading and count from 1; 0 or less
// counts from the end.
func blocksOf(t *testing.T, file string, first, last int) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n## ")
	if first < 0 {
		first += len(parts)
	}
	if last <= 0 {
		last += len(parts)
	}
	var blocks []string
	for _, part := range parts[first:last] {
		for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(part, -1) {
			blocks = append(blocks, m[1])
		}
	}
	return blocks
}
