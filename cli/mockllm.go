package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/topcentral/spillway/app/httpserver"
	"github.com/topcentral/spillway/providers/mockllm"
)

type mockLLMCommand struct {
	Listen string `default:"127.0.0.1:11500" placeholder:"ADDRESS" help:"Address to listen on. Keep it on loopback: there is no authentication."`
	Seed   uint64 `default:"1" help:"Seed of the random choices: the same seed gives the same course of events."`
	Shape  string `placeholder:"NAME" help:"Answer in one of the shapes listed below."`
}

// Help gives examples, and lists the shapes.
func (mockLLMCommand) Help() string {
	var b strings.Builder
	b.WriteString("A model server without a model: it speaks the API of Ollama and of every cloud, answers with JSON\n" +
		"that is valid for the schema it is given, and fails in the way it is told at /control.\n\n" +
		"Shapes in which real servers answer, and the APIs that have them; /control sets them by provider:\n\n")
	for _, s := range mockllm.Shapes() {
		fmt.Fprintf(&b, "  %-34s %-14s %s\n", s.Name, strings.Join(s.Dialects, ", "), s.About)
	}
	b.WriteString("\nExamples:\n  spillway mock-llm\n  spillway mock-llm --listen 127.0.0.1:11501 --seed 7\n  spillway mock-llm --shape hang-after-finish")
	return b.String()
}

// Run serves until ctx ends.
func (c mockLLMCommand) Run(ctx context.Context, s streams) error {
	models := mockllm.New(mockllm.Config{Seed: c.Seed})
	if err := models.Set(mockllm.All, mockllm.Behavior{Shape: c.Shape}); err != nil {
		return fmt.Errorf("%w; spillway mock-llm --help lists the shapes", err)
	}
	var listener net.ListenConfig
	l, err := listener.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w; if another server uses the address, set --listen to another one", err)
	}
	sayMockLLM(s.out, l.Addr())
	return httpserver.Serve(ctx, l, models, slog.New(slog.NewTextHandler(s.err, nil)))
}

// sayMockLLM says which settings point a Spillway at the server.
func sayMockLLM(w io.Writer, addr net.Addr) {
	at := func(provider string) string { return "http://" + addr.String() + mockllm.Path(provider) }
	fmt.Fprintf(w, `
The mock model server is ready. Settings that point a Spillway at it:

  export SPILLWAY_OLLAMA_URL=%s
  export DEEPSEEK_API_KEY=x SPILLWAY_DEEPSEEK_URL=%s
  export KIMI_API_KEY=x SPILLWAY_KIMI_URL=%s
  export MINIMAX_API_KEY=x SPILLWAY_MINIMAX_URL=%s
  export OPENAI_API_KEY=x SPILLWAY_OPENAI_URL=%s
  export DASHSCOPE_API_KEY=x SPILLWAY_DASHSCOPE_URL=%s

How to make it fail:

  curl http://%[7]s/control
`, at(mockllm.Ollama), at(mockllm.DeepSeek), at(mockllm.Kimi), at(mockllm.MiniMax), at(mockllm.OpenAI), at(mockllm.DashScope), addr)
}
