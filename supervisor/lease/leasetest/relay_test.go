package leasetest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// echo answers each line with its name and that line, and tells what it was sent.
func echo(t *testing.T, name string) (addr string, got chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got = make(chan string, 100)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				for scan := bufio.NewScanner(c); scan.Scan(); {
					got <- scan.Text()
					io.WriteString(c, name+scan.Text()+"\n")
				}
				got <- "end"
			})
		}
	})
	t.Cleanup(func() { l.Close(); work.Wait() })
	return l.Addr().String(), got
}

// talker is a client's connection.
type talker struct {
	*testing.T
	*net.TCPConn
	in *bufio.Reader
}

func dial(t *testing.T, r *Relay) talker {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return talker{t, c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c talker) say(text string) {
	c.Helper()
	if _, err := io.WriteString(c, text+"\n"); err != nil {
		c.Error(err)
	}
}

func (c talker) hears(want string) {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(readyIn))
	if got, err := c.in.ReadString('\n'); err != nil || got != want+"\n" {
		c.Errorf("%q, %v, want %q", got, err, want)
	}
}

// hearsNothing waits for a moment: what is held comes at no time, so that only a broken relay depends on how long.
func (c talker) hearsNothing() {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if b, err := c.in.ReadByte(); err == nil || !strings.Contains(err.Error(), "timeout") {
		c.Errorf("%q, %v", b, err)
	}
}

func (c talker) isReset() {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(readyIn))
	if b, err := c.in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		c.Errorf("%q, %v", b, err)
	}
}

func TestARelayHoldsBothWaysAndLosesNothing(t *testing.T) {
	addr, got := echo(t, "")
	r := NewRelay(t, addr)
	old := dial(t, r)
	old.say("1")
	old.hears("1")
	r.Hold()
	old.say("2")
	fresh := dial(t, r)
	fresh.say("3")
	old.hearsNothing()
	fresh.hearsNothing()
	<-got
	if len(got) > 0 {
		t.Errorf("the server has heard %q", <-got)
	}
	r.Pass()
	old.hears("2")
	fresh.hears("3")

	<-got
	<-got
	r.Hold()
	old.say("4")
	old.Close()
	fresh.hearsNothing()
	if len(got) > 0 {
		t.Errorf("the server has heard %q", <-got)
	}
	r.Pass() // what was said before the end comes before it
	for _, want := range []string{"4", "end"} {
		if text := <-got; text != want {
			t.Errorf("the server has heard %q, want %q", text, want)
		}
	}
}

func TestARelayHoldsAnswersAlone(t *testing.T) {
	addr, got := echo(t, "")
	r := NewRelay(t, addr)
	c := dial(t, r)
	r.HoldAnswers()
	c.say("1")
	if text := <-got; text != "1" {
		t.Errorf("the server has heard %q", text)
	}
	c.hearsNothing()
	r.Pass()
	c.hears("1")
	r.HoldAnswers()
	c.say("2")
	<-got
	r.Cut()
	c.isReset()
	r.Pass()
	c = dial(t, r)
	c.say("3")
	c.hears("3")
}

func TestARelayCutsRefusesAndTurns(t *testing.T) {
	one, got := echo(t, "one ")
	two, _ := echo(t, "two ")
	r := NewRelay(t, one)
	c := dial(t, r)
	c.say("1")
	c.hears("one 1")
	<-got
	r.Target(two)
	c.say("2") // its connection stays
	c.hears("one 2")
	<-got
	r.Cut()
	c.isReset()
	if text := <-got; text != "end" {
		t.Errorf("the server has heard %q", text)
	}
	c = dial(t, r)
	c.say("3")
	c.hears("two 3")
	r.Refuse()
	c.isReset()
	if c, err := net.Dial("tcp", r.Addr()); err == nil { // the reset may come before Dial returns
		talker{t, c.(*net.TCPConn), bufio.NewReader(c)}.isReset()
		c.Close()
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	r.Hold()
	held := dial(t, r)
	r.Cut()
	held.isReset()
	r.Pass()
	c = dial(t, r)
	c.say("4")
	c.hears("two 4")
}
