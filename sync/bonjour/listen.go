package bonjour

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Listener hears what phones say of themselves: that one is there, has moved,
// or goes. It only asks where an announcement leaves out the place or the
// address; it never asks who is there, so that it wakes no radio by itself.
// A [Browser] asks. The zero value listens on [Interfaces].
type Listener struct {
	// Interfaces lists where to listen; it is asked again every few seconds, for
	// interfaces come and go. nil means the function [Interfaces].
	Interfaces func() ([]net.Interface, error)
	// Poke has it asked at once: the network has changed, or the computer woke.
	Poke <-chan struct{}
}

// Listen reports what it hears until ctx is done, and then returns its error.
// An instance that was named again, unchanged, is reported as [Again]. It
// returns a [NetworkError] at once where nothing can be heard at all; that no
// interface is there for the moment is reported as [Trouble] and its end as
// [Recovered]. report is called from this goroutine and must not block.
func (l *Listener) Listen(ctx context.Context, report func(Event)) error {
	e, err := openEar(l.Interfaces)
	if err != nil {
		return err
	}
	return e.run(ctx, l.Poke, func(n news) {
		kind := Changed
		switch {
		case n.gone:
			kind = Gone
		case n.again:
			kind = Again
		case n.first:
			kind = Appeared
		}
		report(Event{Kind: kind, Instance: n.instance})
	}, func(err error) {
		if err != nil {
			report(Event{Kind: Trouble, Err: err})
		} else {
			report(Event{Kind: Recovered})
		}
	})
}

// listTime is how often the interfaces are looked at. A jump of the clock over
// several of these times is a sleep that has ended.
const listTime = 5 * time.Second

// ear is a listener at work.
type ear struct {
	list   func() ([]net.Interface, error)
	socks  []*sock
	heard  *heard
	joined map[int]joined // by the index of the interface
	asks   bucket
}

// joined is an interface that is listened on.
type joined struct {
	net.Interface
	addrs string // as they were when it was joined
}

// packet is a response on its way.
type packet struct {
	data []byte
	on   int
}

// openEar opens the sockets and joins the groups. The error is a
// [NetworkError].
func openEar(list func() ([]net.Interface, error)) (*ear, error) {
	if list == nil {
		list = Interfaces
	}
	e := &ear{list: list, heard: newHeard(), joined: map[int]joined{}}
	var errs []error
	for _, open := range []func() (*sock, error){open4, open6} {
		s, err := open()
		if err != nil { // a system may have one of the two only
			errs = append(errs, err)
			continue
		}
		e.socks = append(e.socks, s)
	}
	if len(e.socks) == 0 {
		return nil, &NetworkError{Err: errors.Join(errs...)}
	}
	_ = e.join(false) // run does it again, and says why it cannot
	return e, nil
}

func (e *ear) close() {
	for _, s := range e.socks {
		_ = s.close() // nothing is left to be sent
	}
}

// run listens until ctx is done. tell is called for what is heard, trouble with
// why nothing can be heard and with nil when it can again; both from this
// goroutine.
func (e *ear) run(ctx context.Context, poke <-chan struct{}, tell func(news), trouble func(error)) error {
	packets := make(chan packet, 64)
	ended := make(chan struct{}, len(e.socks))
	for _, s := range e.socks {
		go func() {
			s.receive(ctx, packets)
			ended <- struct{}{}
		}()
	}
	stop := context.AfterFunc(ctx, e.close)
	defer func() {
		stop()
		e.close()
		for range e.socks {
			<-ended
		}
	}()
	troubled := false
	look := func(anew bool) {
		err := e.join(anew)
		if troubled != (err != nil) {
			troubled = err != nil
			trouble(err)
		}
	}
	look(false)
	looked := wall()
	tick := time.NewTicker(listTime)
	defer tick.Stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case p := <-packets:
			e.take(p, tell)
		case <-poke:
			look(true)
		case <-tick.C:
			now := wall()
			look(now.Sub(looked) > 3*listTime)
			looked = now
		case <-due.C:
			for _, n := range e.heard.expire(wall()) {
				tell(n)
			}
		}
		now := wall()
		e.ask(now)
		wait := time.Hour
		if at := e.heard.next(); !at.IsZero() {
			wait = max(at.Sub(now), 10*time.Millisecond)
		}
		due.Reset(wait)
	}
}

// wall is the clock on the wall. A record's life goes on while the computer
// sleeps; the monotonic clock stands still.
func wall() time.Time { return time.Now().Round(0) }

func (e *ear) take(p packet, tell func(news)) {
	i, ok := e.joined[p.on]
	if !ok { // another program has joined there: Linux gives it to all
		return
	}
	var m dns.Msg
	if m.Unpack(p.data) != nil {
		return
	}
	for _, n := range e.heard.take(&m, i.Index, i.Name, i.Flags&net.FlagLoopback != 0, wall()) {
		tell(n)
	}
}

// join joins the groups on the interfaces that are there now, and leaves them
// where none is left. An interface whose addresses have changed is joined anew,
// and all are after a wake: a switch may have forgotten who wanted what.
func (e *ear) join(anew bool) error {
	list, err := e.list()
	if err != nil {
		return &NetworkError{Err: err}
	}
	if len(list) == 0 {
		err = errors.New("there is none")
	}
	for index, j := range e.joined {
		if !slices.ContainsFunc(list, func(i net.Interface) bool { return i.Index == index && i.Name == j.Name }) {
			e.leave(j.Interface)
		}
	}
	for _, i := range list {
		now := joined{i, addrsOf(i)}
		old, ok := e.joined[i.Index]
		if ok && old.addrs == now.addrs && !anew {
			continue
		}
		if ok {
			e.leave(old.Interface)
		}
		for _, s := range e.socks {
			jerr := s.join(&i)
			if jerr == nil {
				e.joined[i.Index] = now
			} else {
				err = jerr
			}
		}
	}
	if len(e.joined) > 0 {
		return nil
	}
	return &NetworkError{Interfaces: names(list), Err: err}
}

func (e *ear) leave(i net.Interface) {
	for _, s := range e.socks {
		_ = s.leave(&i) // it may be gone
	}
	delete(e.joined, i.Index)
}

func addrsOf(i net.Interface) string {
	addrs, err := i.Addrs()
	if err != nil {
		return ""
	}
	out := i.Flags.String()
	for _, a := range addrs {
		out += " " + a.String()
	}
	return out
}

// ask asks for what is missing.
func (e *ear) ask(now time.Time) {
	if !e.asks.ready(now, askRate, askBurst) {
		return
	}
	questions, on := e.heard.missing(now)
	if len(questions) == 0 {
		return
	}
	e.asks.take()
	m := &dns.Msg{Question: questions}
	data, err := m.Pack()
	if err != nil {
		return
	}
	for _, index := range on {
		if i, ok := e.joined[index]; ok {
			for _, s := range e.socks {
				s.send(data, &i.Interface) // what cannot be asked has no answer
			}
		}
	}
}
