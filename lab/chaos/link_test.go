//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/topcentral/spillway/lab/history"
)

// echo starts a server that returns every line, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// dial connects through the link and says something to make sure of it.
func dial(t *testing.T, l *link) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	in := bufio.NewReader(conn)
	say(t, conn, "hello")
	if got := hear(in); got != "hello" {
		t.Fatalf("heard %q", got)
	}
	return conn, in
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text+"\n"); err != nil {
		t.Fatal(err)
	}
}

func hear(in *bufio.Reader) string {
	text, err := in.ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return text[:len(text)-1]
}

func openLink(t *testing.T) *link {
	t.Helper()
	l, err := newLink("test", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func TestSilenceHoldsBackAndLosesNothing(t *testing.T) {
	l := openLink(t)
	conn, in := dial(t, l)
	undo := l.disturb(history.Silence)
	say(t, conn, "one")
	say(t, conn, "two")
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if got := hear(in); got == "one" {
		t.Error("heard through the silence")
	}
	undo()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for _, want := range []string{"one", "two"} {
		if got := hear(in); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCutClosesAndRefuses(t *testing.T) {
	l := openLink(t)
	_, in := dial(t, l)
	undo := l.disturb(history.Cut)
	if got := hear(in); got != io.EOF.Error() {
		t.Errorf("got %q, want the end of the connection", got)
	}
	conn, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes while the link was cut", n)
	}
	undo()
	dial(t, l)
}

// A client that dies while the link is silent must not keep the silence from
// ending.
func TestClientMayDieInSilence(t *testing.T) {
	l := openLink(t)
	conn, _ := dial(t, l)
	undo := l.disturb(history.Silence)
	say(t, conn, "lost")
	conn.Close()
	undo()
	dial(t, l)
}

func TestFaultsMayOverlap(t *testing.T) {
	l := openLink(t)
	var undo []func()
	for _, fault := range []history.Fault{history.Slow, history.Silence, history.Cut, history.Slow, history.Silence} {
		undo = append(undo, l.disturb(fault))
	}
	for _, u := range undo {
		u()
	}
	dial(t, l)
}
