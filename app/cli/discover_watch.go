package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"healthsync/app/pairing"
	"healthsync/sync/bonjour"
)

// watch shows what comes, moves and goes until it is stopped or the time is
// over, both of which end it well. On a terminal it is one table that is drawn
// anew; elsewhere, and with --json, a line for each change.
func (l *lookout) watch(ctx context.Context, limit time.Duration, asJSON bool) error {
	if l.finder == nil {
		l.env.note("Bonjour is switched off (HEALTHSYNC_BONJOUR=off); there is nothing to watch")
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	b := &board{lookout: l, asJSON: asJSON, live: l.env.OutTTY && !asJSON, known: map[string]sighting{}}
	events := make(chan bonjour.Event, 256)
	looked := make(chan sighting)
	done := make(chan error, 1)
	go func() {
		// A window that follows its predecessor at once keeps the radios of all
		// phones awake; a person looks at this one.
		done <- l.finder.Watch(ctx, bonjour.WatchOptions{}, func(e bonjour.Event) {
			select {
			case events <- e:
			default: // a flood: the next window tells the state of things again
			}
		})
	}()
	b.draw()
	defer b.end()
	for running := 0; ; {
		select {
		case e := <-events:
			if b.take(e) {
				running++
				go func() { looked <- l.look(ctx, e.Instance) }()
			}
		case s := <-looked:
			running--
			b.show(s)
		case err := <-done:
			for range running {
				<-looked
			}
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				return nil
			}
			return err
		}
	}
}

// board is what a watch shows.
type board struct {
	*lookout
	asJSON, live bool
	known        map[string]sighting
	lines        int // of the table as drawn
	drawn        string
	over         bool
}

// take notes an event; true means that the device is to be looked at.
func (b *board) take(e bonjour.Event) bool {
	switch e.Kind {
	case bonjour.Appeared, bonjour.Changed:
		key := device(e.Instance)
		old, ok := b.known[key]
		if !ok && !b.room(e.Instance, b.crowd(), len(b.known)) {
			return false
		}
		if old.announced = true; !old.known() { // what was verified stands until the next handshake
			old.Instance = e.Instance
		}
		b.known[key] = old
		b.draw()
		return true
	case bonjour.Gone:
		s, ok := b.known[device(e.Instance)]
		delete(b.known, device(e.Instance))
		delete(b.known, device(e.Instance)+double)
		if ok {
			b.tell("gone", s)
		}
	case bonjour.Trouble:
		b.env.note("note: Bonjour cannot be used now: %v", e.Err)
	case bonjour.Recovered:
		b.env.note("note: Bonjour works again")
	}
	b.draw()
	return false
}

// crowd counts what is not in the paired iPhone's name.
func (b *board) crowd() (n int) {
	for _, s := range b.known {
		if s.Instance.Name != b.ourName() {
			n++
		}
	}
	return n
}

// double marks a second device under one name and host, which is not ours.
const double = "\x00double"

// show notes whose a device is. One that has gone meanwhile is not brought back.
// Two that claim one name and host are two rows.
func (b *board) show(s sighting) {
	key := device(s.Instance)
	old, ok := b.known[key]
	if !ok {
		return
	}
	if s.clashes(old) {
		if s.Identity.Ours() {
			b.known[key+double] = old
		} else {
			key += double
		}
		old = b.known[key]
		if key == device(s.Instance) {
			old = sighting{}
		}
	}
	event := "found"
	if old.Report != nil || old.Place != (pairing.Place{}) {
		event = "changed"
		if old.Place == s.Place && old.Identity == s.Identity {
			event = ""
		}
	}
	b.known[key] = s
	if event != "" {
		b.tell(event, s)
	}
	b.draw()
}

// tell writes a line for a change.
func (b *board) tell(event string, s sighting) {
	now := b.env.Now()
	switch {
	case b.live:
	case b.asJSON:
		raw, err := json.Marshal(struct {
			Schema int          `json:"schema"`
			Event  string       `json:"event"`
			At     time.Time    `json:"at"`
			Phone  sightingJSON `json:"phone"`
		}{Schema, event, now.UTC().Truncate(time.Millisecond), s.json(now)})
		if err == nil {
			b.env.printf("%s\n", raw)
		}
	case event == "gone":
		b.env.printf("%s  gone     %s\n", now.Local().Format(time.TimeOnly), deviceName(s.Instance.Name))
	default:
		b.env.printf("%s  %-7s  %s  %s  %s\n", now.Local().Format(time.TimeOnly), event, deviceName(s.Instance.Name), s.where(), s.identityWords(now))
	}
}

// The control sequences of a terminal (ECMA-48): lines are not wrapped while
// the table is drawn, so that as many rows as were written can be gone back.
const (
	wrapOff   = "\x1b[?7l"
	wrapOn    = "\x1b[?7h"
	clearDown = "\x1b[J"
)

// draw draws the table over the last one, if it has changed.
func (b *board) draw() {
	if !b.live {
		return
	}
	var all []sighting
	for _, s := range b.known {
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y sighting) int { return strings.Compare(x.Instance.Name, y.Instance.Name) })
	text := "Looking for iPhones ...\n"
	if len(all) > 0 {
		text = b.table(settle(all))
	}
	if !b.over {
		text += "\nCtrl-C ends this.\n"
	}
	if text == b.drawn {
		return
	}
	up := ""
	if b.lines > 0 {
		up = fmt.Sprintf("\x1b[%dA\r", b.lines)
	}
	b.env.printf("%s%s%s%s%s", up, clearDown, wrapOff, text, wrapOn)
	b.drawn, b.lines = text, strings.Count(text, "\n")
}

// end leaves the last table as the answer.
func (b *board) end() {
	b.over = true
	b.draw()
}
