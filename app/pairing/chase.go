package pairing

import (
	"context"
	"slices"
	"time"

	"healthsync/sync/bonjour"
)

// chase looks for an iPhone that is not where it was: it listens to who is
// announced and shakes hands with all of them at once. The identity decides,
// not the name. It does no I/O of its own.
type chase struct {
	was  Place
	name string // the iPhone's, "" if it has not said
	// prove shakes hands and hangs up; nil means that our iPhone is there.
	prove func(context.Context, Place) error
	// listen reports who is announced until ctx is done or the time is over.
	listen func(ctx context.Context, window time.Duration, heard func(bonjour.Instance)) error
}

// The limits of a chase: a flood of announcements must not become a flood of
// connections, and what is announced in other names not take the places of
// those in ours.
const (
	maxInName  = 32
	maxOthers  = 32
	maxAtOnce  = 64 // announcements of each kind that wait to be looked at
	listenFor  = 4 * time.Second
	listenMore = 1300 * time.Millisecond
	// handicap is how long a link-local IPv6 address is held back: it works, and
	// any other is better to remember. RFC 8305 section 5 has the same delay
	// between any two attempts.
	handicap = 250 * time.Millisecond
)

// chased is what came of it.
type chased struct {
	was   Place
	found *Place
	// claims are the places that were tried, with what they claimed.
	claims []claimed
	// announced is Facts'. tenant is the name of another iPhone that announces
	// the place where ours was.
	announced bool
	tenant    string
	err       error // why nothing could be heard
}

type claimed struct {
	Claim
	place Place
	name  string
	err   error
}

// run listens until the iPhone has proved to be somewhere, and at least for
// listenFor, or listenMore after the place where it was has failed, whichever
// is later. While that has not failed yet, the other addresses of who announces
// it are left alone: it may just be slow.
func (c *chase) run(ctx context.Context, failed <-chan struct{}) chased {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening, stop := context.WithCancel(ctx)
	defer stop()
	mine, others := make(chan bonjour.Instance, maxAtOnce), make(chan bonjour.Instance, maxAtOnce)
	outcomes, done := make(chan claimed), make(chan error, 1)
	go func() {
		done <- c.listen(listening, time.Hour, func(i bonjour.Instance) {
			heard := others
			if i.Name == c.name {
				heard = mine
			}
			select {
			case heard <- i:
			default: // it will be heard again
			}
		})
	}()
	out := chased{was: c.was}
	var held []bonjour.Instance
	tried := map[Place]bool{c.was: true}
	count := map[bool]int{}
	running := 0
	try := func(i bonjour.Instance) {
		inName := i.Name == c.name
		for _, p := range places(i) {
			if tried[p] || count[inName] >= map[bool]int{true: maxInName, false: maxOthers}[inName] {
				continue
			}
			tried[p] = true
			count[inName]++
			running++
			go func() {
				if p.linkLocal() {
					wait(ctx, handicap)
				}
				outcomes <- claimed{Claim{InName: inName, AtStored: p.Host == c.was.Host}, p, i.Name, c.prove(ctx, p)}
			}()
		}
	}
	defer func() { // whoever is still under way ends soon: ctx is done
		cancel()
		go drain(running, outcomes)
	}()
	atLeast := time.NewTimer(listenFor)
	defer atLeast.Stop()
	var more <-chan time.Time
	long := false
	take := func(i bonjour.Instance) {
		here := slices.Contains(places(i), c.was)
		switch {
		case here && i.Name == c.name:
			out.announced = true
		case here:
			out.tenant = i.Name
		}
		if here && failed != nil {
			held = append(held, i)
			return
		}
		try(i)
	}
	for listened := false; !listened || running > 0 || len(mine)+len(others) > 0 || failed != nil; {
		select {
		case i := <-mine:
			take(i)
		case i := <-others:
			take(i)
		case o := <-outcomes:
			running--
			if o.Outcome = outcomeOf(o.err); o.Outcome == Ours {
				out.found = &o.place
				return out
			}
			out.claims = append(out.claims, o)
		case out.err = <-done:
			listened = true
		case <-failed:
			failed = nil
			for _, i := range held {
				try(i)
			}
			t := time.NewTimer(listenMore)
			defer t.Stop()
			more = t.C
		case <-more:
			if more = nil; long {
				stop()
			}
		case <-atLeast.C:
			if long = true; failed == nil && more == nil {
				stop()
			}
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// wait sleeps, or less if ctx is done.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// drain receives what is still under way, so that nobody waits for ever.
func drain[T any](n int, ch <-chan T) {
	for range n {
		<-ch
	}
}

// facts are what a chase has found, beside what came of the stored place.
func (c chased) facts(stored Outcome) Facts {
	f := Facts{Stored: stored, Announced: c.announced, Deaf: c.err != nil}
	for _, x := range c.claims {
		f.Claims = append(f.Claims, x.Claim)
	}
	if c.tenant != "" {
		f.Claims = append(f.Claims, Claim{AtStored: true, Outcome: stored})
	}
	return f
}

// about finds the claim that a verdict is about.
func (c chased) about(v Verdict) (claimed, bool) {
	match := map[Verdict]func(Claim) bool{
		Lagging: func(c Claim) bool { return c.Outcome == Unnamed || c.Outcome == Faulty },
		Taken: func(c Claim) bool {
			return c.InName && (c.Outcome == Alien || c.Outcome == Stranger && !c.AtStored)
		},
		Rekeyed:      func(c Claim) bool { return c.InName && c.AtStored && c.Outcome == Stranger },
		AnotherPhone: func(c Claim) bool { return c.AtStored && !c.InName },
		Blocked:      func(c Claim) bool { return c.InName && (c.Outcome == Silent || c.Outcome == NoWay) },
	}[v]
	if match == nil {
		return claimed{}, false
	}
	i := slices.IndexFunc(c.claims, func(x claimed) bool { return match(x.Claim) })
	switch {
	case i >= 0:
		return c.claims[i], true
	case v == AnotherPhone && c.tenant != "":
		return claimed{place: c.was, name: c.tenant}, true
	}
	return claimed{}, false
}
