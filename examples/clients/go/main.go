// Command go shows what Spillway's API can do, with the standard library alone:
//
//	go run .
//
// SPILLWAY_URL is the server's URL, SPILLWAY_API_KEY your API key.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

var opportunity = map[string]string{"product": "PCR-ABS", "authority": "high", "budget_allocated": "yes"}

func main() {
	c := &client{
		url:    cmp.Or(os.Getenv("SPILLWAY_URL"), "http://127.0.0.1:8080"),
		apiKey: os.Getenv("SPILLWAY_API_KEY"),
		http:   http.DefaultClient,
		tries:  6,
	}
	if err := tour(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tour(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	name := rand.Text()
	metadata := map[string]string{"tour": name} // what you list your jobs by, such as the row they belong to
	if err := analyse(ctx, c, name, metadata); err != nil {
		return err
	}

	// Cancel one that is for later.
	later := time.Now().Add(24 * time.Hour).Format(time.RFC3339)
	j, err := c.submit(ctx, submission{Agent: "A02", Input: opportunity, RunAt: later, Metadata: metadata}, name+"-later", 0)
	if err != nil {
		return err
	}
	if j, err = c.cancel(ctx, j.ID); err != nil {
		return err
	}
	fmt.Println("canceled:", j.State)
	return many(ctx, c, name, metadata)
}

// analyse submits one job, waits for its result and follows its events.
func analyse(ctx context.Context, c *client, name string, metadata map[string]string) error {
	// Submit. The same key again, because of a timeout for example, is the same job.
	s := submission{Agent: "A02", Input: opportunity, Language: "en", Metadata: metadata}
	j, err := c.submit(ctx, s, name, time.Second)
	if err != nil {
		return err
	}
	again, err := c.submit(ctx, s, name, 0)
	if err != nil {
		return err
	}
	fmt.Println("submitted:", j.ID, map[bool]string{true: "once", false: "TWICE"}[again.ID == j.ID])

	if j, err = c.wait(ctx, j, 30*time.Second); err != nil {
		return err
	}
	if j.State != "succeeded" {
		return fmt.Errorf("%s: %+v", j.State, j.Error)
	}
	var result struct {
		Score int `json:"score"`
	}
	if err := json.Unmarshal(j.Result, &result); err != nil {
		return err
	}
	fmt.Printf("result: score %d by %s, degraded %v\n", result.Score, j.AnsweredBy, j.Degraded)

	// Follow. Past events come too, each once.
	for e, err := range c.events(ctx, j.ID, 0) {
		if err != nil {
			return err
		}
		if e.Type != "job.delta" { // a piece of the answer, as a model writes it
			fmt.Println("event:", e.SequenceNumber, e.Type)
		}
	}
	return nil
}

// many submits a batch, lists the jobs of the tour, and makes a mistake.
func many(ctx context.Context, c *client, name string, metadata map[string]string) error {
	wrong := map[string]string{"product": "PCR-PE", "authority": "boss"}
	inputs := []map[string]string{{"product": "PCR-PC"}, {"product": "PCR-PP"}, wrong}
	batch := make([]submission, len(inputs))
	for i, input := range inputs {
		batch[i] = submission{Agent: "A02", Input: input, Metadata: metadata, IdempotencyKey: fmt.Sprintf("%s-%d", name, i)}
	}
	outcomes, err := c.batch(ctx, batch)
	if err != nil {
		return err
	}
	for _, o := range outcomes { // what is wrong with one does not hold up the others
		if o.Problem != nil {
			fmt.Println("batch:", o.Status, o.Problem.Code)
		} else {
			fmt.Println("batch:", o.Status, o.Job.Agent)
		}
	}

	found := 0
	for _, err := range c.jobs(ctx, url.Values{"metadata": {"tour:" + name}, "limit": {"2"}}) {
		if err != nil {
			return err
		}
		found++
	}
	fmt.Println("listed:", found)

	// Mistakes have a code, and a pointer into the body.
	_, err = c.submit(ctx, submission{Agent: "A02", Input: wrong}, name+"-wrong", 0)
	var p *problem
	if !errors.As(err, &p) {
		return err
	}
	fmt.Print("refused: ", p.Code)
	for _, e := range p.Errors {
		fmt.Print(" ", e.Pointer)
	}
	fmt.Println()
	return nil
}
