package bonjour

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Browser looks for phones. The zero value looks on [Interfaces]. Its methods
// may be called at the same time.
type Browser struct {
	// Interfaces lists where to look. It is asked again every few seconds, for
	// interfaces come and go. nil means the function [Interfaces].
	Interfaces func() ([]net.Interface, error)

	mu       sync.Mutex // of what LookupNetIP found last
	resolved Instance
	at       time.Time
}

// EventKind says what has changed.
type EventKind int

// The kinds of events.
const (
	// Appeared: an instance that was not there.
	Appeared EventKind = iota
	// Changed: another port or set of addresses.
	Changed
	// Again: an instance that is known was named once more, unchanged.
	Again
	// Gone: it said goodbye, or its records have run out, or it left several
	// questions unanswered, or the interface that it was on is gone.
	Gone
	// Failed: nothing can be heard now; Err, a [NetworkError], says why.
	Failed
	// Recovered: it can be heard again.
	Recovered
)

// String gives the name used in logs.
func (k EventKind) String() string {
	return [...]string{"appeared", "changed", "again", "gone", "failed", "recovered"}[k]
}

// Event is one change. Err is set for Failed, Instance for the first four.
type Event struct {
	Kind     EventKind
	Instance Instance
	Err      error
}

// WatchOptions says how to watch.
type WatchOptions struct {
	// Quiet never asks who is there. A phone that announces itself, moves or
	// goes is heard all the same, and no radio is woken: for a program that
	// listens all day.
	Quiet bool
	// Poke has the interfaces looked at, and the phones asked, at once: the
	// network has changed, or the computer woke.
	Poke <-chan struct{}
}

// The times of a watch. A responder keeps silent for a second after it has said
// something (RFC 6762 section 6), and the time between questions grows (section
// 5.2).
const (
	firstPause = 1100 * time.Millisecond
	lastPause  = 4 * time.Second
	// unanswered is how many questions in a row an instance may leave without an
	// answer (RFC 6762 section 10.5).
	unanswered = 3
)

// Watch reports what changes until ctx is done, and returns its error. report is
// called from this goroutine and must not block. A phone that leaves without a
// goodbye is Gone within a quarter of a minute; with Quiet, when its records run
// out, which is after two minutes with Apple's responder.
func (b *Browser) Watch(ctx context.Context, o WatchOptions, report func(Event)) error {
	l := newListener(b.Interfaces)
	defer l.close()
	next, due := time.NewTimer(0), time.NewTimer(time.Hour)
	defer next.Stop()
	defer due.Stop()
	pause, failing := firstPause, false
	var asked []time.Time
	look := func(anew bool) {
		err := l.refresh(anew)
		if err == nil && !o.Quiet {
			if n := len(asked); n >= unanswered {
				l.cache.silent(asked[n-unanswered])
			}
			err = browse(l.ifaces)
			asked = append(asked[max(0, len(asked)-unanswered):], now())
		}
		switch {
		case err != nil && !failing:
			report(Event{Kind: Failed, Err: err})
		case err == nil && failing:
			report(Event{Kind: Recovered})
		}
		failing = err != nil
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next.C:
			look(false)
			next.Reset(pause)
			pause = min(2*pause, lastPause)
		case <-o.Poke:
			look(true)
		case p := <-l.packets:
			l.take(p, now())
		case <-due.C:
		}
		events, ask, again := l.cache.update(now())
		for _, e := range events {
			report(e)
		}
		if ask {
			_ = browse(l.ifaces) // the next look tells why that is not possible
		}
		due.Reset(max(again.Sub(now()), 10*time.Millisecond))
	}
}

// now is the clock on the wall. A record's life goes on while the computer
// sleeps; the monotonic clock stands still.
func now() time.Time { return time.Now().Round(0) }

// Find looks until match accepts an instance, at most for the length of window.
// ok is false if none was accepted; the error is nil or a [NetworkError]. match
// is asked again about an instance that has changed; it must not block. A phone
// that answers late, or whose answer is lost, is missing: five seconds and more
// make that unlikely.
func (b *Browser) Find(ctx context.Context, window time.Duration, match func(Instance) bool) (
	it Instance, ok bool, err error,
) {
	ctx, cancel := context.WithTimeout(ctx, window)
	defer cancel()
	_ = b.Watch(ctx, WatchOptions{}, func(e Event) { // it ends with ctx
		switch {
		case ok || err != nil:
		case e.Kind == Failed:
			err = e.Err
			cancel()
		case (e.Kind == Appeared || e.Kind == Changed) && match(e.Instance):
			it, ok = e.Instance, true
			cancel()
		}
	})
	return it, ok, err
}

// The times of LookupNetIP: how long an answer is waited for, and how long it is
// good for (half the life of an address, RFC 6762 section 10).
const (
	resolveTime = 3 * time.Second
	resolveLife = time.Minute
)

// LookupNetIP has the form of [net.Resolver]'s method, for systems whose
// resolver knows no name in .local. It finds the hosts of announced instances
// and no others. A name that it does not find gives a [net.DNSError] with
// IsNotFound, and a ctx that is done its own error.
func (b *Browser) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	same := func(i Instance) bool { return strings.EqualFold(i.Host, strings.TrimSuffix(host, ".")) }
	if time.Since(b.at) < resolveLife && same(b.resolved) {
		return b.resolved.Addrs, nil
	}
	i, ok, err := b.Find(ctx, resolveTime, same)
	switch {
	case ok:
		b.resolved, b.at = i, time.Now()
		return i.Addrs, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		err = errors.New("no iPhone announces itself on a host of this name")
	}
	return nil, &net.DNSError{Err: err.Error(), Name: host, IsNotFound: true, UnwrapErr: err}
}
