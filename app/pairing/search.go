package pairing

import (
	"context"
	"slices"
	"time"

	"healthsync/sync/bonjour"
)

// Finder looks for iPhones that announce themselves; *bonjour.Browser is one.
type Finder interface {
	Find(ctx context.Context, window time.Duration, match func(bonjour.Instance) bool) (bonjour.Instance, bool, error)
	Watch(ctx context.Context, o bonjour.WatchOptions, report func(bonjour.Event)) error
}

// The limits of a search.
const (
	// searchDelay is how long the place where the iPhone was is asked before
	// anybody listens for it elsewhere: at home it answers in a tenth of that.
	searchDelay = 700 * time.Millisecond
	// searchTime is how long is listened at least, searchMore how long after the
	// place where it was has failed, whichever ends later.
	searchTime = 4 * time.Second
	searchMore = 1300 * time.Millisecond
	// maxLooks bounds how many announcements in the iPhone's name are looked at,
	// and how many in others: a flood of announcements must not become a flood of
	// connections, and a crowd not hide the iPhone.
	maxLooks = 32
)

// found is what came of a search.
type found struct {
	ours   *Place // where the iPhone proved to be, nil if nowhere
	claims []Claim
	// announced says that the stored place is announced in the iPhone's name;
	// tenant announces it in another.
	announced bool
	tenant    *bonjour.Instance
	err       error // why nothing could be heard
}

// search looks for an iPhone that is not where it was. It does no I/O of its own.
type search struct {
	was  Place
	name string // the iPhone's, "" if it has not said
	look func(context.Context, bonjour.Instance) Seen
	// listen passes on who is announced until ctx is done.
	listen func(ctx context.Context, heard chan<- bonjour.Instance) error
}

// run listens to who is announced, and looks at each, until the iPhone has proved
// to be somewhere or the time is over. The identity decides, not the name. failed
// is closed when the place where it was has failed; until then a device announced
// at that place is left alone: it may just be slow.
func (s search) run(ctx context.Context, failed <-chan struct{}) (out found) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-failed:
	case <-time.After(searchDelay):
	case <-ctx.Done():
		return out
	}
	listening, stop := context.WithCancel(ctx)
	defer stop()
	heard, listenErr := make(chan bonjour.Instance), make(chan error, 1)
	go func() { listenErr <- s.listen(listening, heard) }()
	looks := make(chan Seen)
	var held []bonjour.Instance
	known, count, running := map[string]bool{}, map[bool]int{}, 0
	look := func(i bonjour.Instance) {
		if key := Where(i); !known[key] && count[i.Name == s.name] < maxLooks {
			known[key] = true
			count[i.Name == s.name]++
			running++
			go func() {
				select {
				case looks <- s.look(ctx, i):
				case <-ctx.Done():
				}
			}()
		}
	}
	began, end := time.Now(), time.NewTimer(searchTime)
	defer end.Stop()
	for listened := false; !listened || running > 0 || failed != nil; {
		select {
		case i := <-heard:
			if out.note(i, s.was, s.name) && failed != nil {
				held = append(held, i)
				continue
			}
			look(i)
		case seen := <-looks:
			running--
			if seen.Identity == Yours {
				out.ours = &seen.Place
				return out
			}
			out.claim(seen, s.was, s.name)
		case out.err = <-listenErr:
			listened = true
		case <-failed:
			failed = nil
			for _, i := range held {
				look(i)
			}
			end.Reset(max(searchMore, searchTime-time.Since(began)))
		case <-end.C:
			if failed == nil {
				stop()
			}
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// listen passes on who is announced until ctx is done.
func (l *Link) listen(ctx context.Context, heard chan<- bonjour.Instance) error {
	var finder Finder = new(bonjour.Browser)
	if l.options.Finder != nil {
		finder = l.options.Finder
	}
	_, _, err := finder.Find(ctx, time.Hour, func(i bonjour.Instance) bool {
		select {
		case heard <- i:
		case <-ctx.Done():
		}
		return false
	})
	return err
}

// note reports that an announcement names the place where the iPhone was, and
// keeps in whose name.
func (f *found) note(i bonjour.Instance, was Place, name string) bool {
	if !slices.Contains(places(i), was) {
		return false
	}
	if i.Name == name {
		f.announced = true
	} else {
		f.tenant = &i
	}
	return true
}

// claim keeps what became of a look at a device that is not ours.
func (f *found) claim(s Seen, was Place, name string) {
	s = s.plain() // an impostor is one only where no other is ours
	f.claims = append(f.claims, Claim{
		Seen: s, InName: s.Instance.Name == name,
		AtStored: slices.ContainsFunc(places(s.Instance), func(p Place) bool { return p.Host == was.Host }),
	})
}

// facts are what a search has found, beside who answered where the iPhone was.
func (f found) facts(stored Identity, was Place) Facts {
	out := Facts{Stored: stored, Claims: f.claims, Announced: f.announced, NoBonjour: f.err != nil}
	if f.tenant != nil {
		out.Claims = append(out.Claims, Claim{Seen: Seen{Instance: *f.tenant, Place: was, Identity: stored},
			AtStored: true})
	}
	return out
}

// Discover listens for window and looks at each device that announces itself, as
// [Link.Look] does. report is given them one at a time; it may end the search by
// ctx. Of the paired iPhone's name and of others there are at most [maxLooks]
// each. The error is nil or a *bonjour.NetworkError. A nil Link is one of no
// pairing.
func (l *Link) Discover(ctx context.Context, finder Finder, window time.Duration, report func(Seen)) error {
	name, looks := "", make(chan Seen)
	if l != nil {
		name = l.Record.Name
	}
	known, count := map[string]bool{}, map[bool]int{}
	running, done := 0, make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		_, _, err := finder.Find(ctx, window, func(i bonjour.Instance) bool {
			if key := i.Name + Where(i); !known[key] && count[i.Name == name] < maxLooks {
				known[key] = true
				count[i.Name == name]++
				begun <- struct{}{}
				go func() { looks <- l.Look(ctx, i) }()
			}
			return false
		})
		done <- err
	}()
	var err error
	for listened := false; !listened || running > 0; {
		select {
		case <-begun:
			running++
		case s := <-looks:
			running--
			report(s)
		case err = <-done:
			listened = true
		}
	}
	return err
}

// wait sleeps, or less if ctx is done.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
