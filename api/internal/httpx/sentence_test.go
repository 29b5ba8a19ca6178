package httpx

import (
	"testing"

	"github.com/topcentral/spillway/tasks"
)

func TestDetailsAreSentences(t *testing.T) {
	for _, c := range []struct{ pointer, detail, want string }{
		{"/agent", "is required", `"agent" is required.`},
		{"/input/a~1b", "must be a string, not a number", `"a/b" must be a string, not a number.`},
		{"/events/2", "must be one of a, b", "This item must be one of a, b."},
		{"", "has more than 3 values; send fewer", "The body has more than 3 values; send fewer."},
		{"/agent", "not the ID of an agent", `"agent" is not the ID of an agent.`},
		{"/callback_url", "webhooks are not set up here", "Webhooks are not set up here."},
		{"/x", "Did you mean y?", "Did you mean y?"},
		{"/x", "不能为空。", "不能为空。"},
		{"/x", "", ""},
	} {
		if got := faultSentence(tasks.Fault{Pointer: c.pointer, Detail: c.detail}).Detail; got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.pointer, c.detail, got, c.want)
		}
	}
	p := Describe(tasks.Errorf(tasks.CodeConflict, "the job has ended"))
	if p.Detail != "The job has ended." {
		t.Errorf("got %q", p.Detail)
	}
}
