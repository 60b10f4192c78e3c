// Package notify decides when to notify. It is a pure function of two snapshots
// and of what was already said; it knows no clock, no file and no notification
// daemon.
//
// The rules: only what a person must act upon, once for each case, with the
// next step. What mends itself (an iPhone that is away, locked or asleep, a
// certificate that the app renews) is for the menu. What was said is forgotten
// when there is proof that it is mended, so that a second case notifies again
// and a case that comes and goes with the network is not.
package notify

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
)

// Notice is something to be said now.
type Notice struct {
	// Key tells one case from another; a notice of the same key takes the
	// place of an earlier one where the system can do that.
	Key string
	// Title and Body are plain text, possibly with words that a stranger
	// chose: they must be quoted where they are shown.
	Title, Body string
}

// Said is the memory of what was said, by key, with the moment. It is plain
// data that outlives the process.
type Said map[string]time.Time

// Broken is how long syncing by itself must have failed to be worth a word.
const Broken = 24 * time.Hour

// keep is how long a word is remembered where nothing mends it: longer than
// anything that ends lives on after it was told.
const keep = 400 * 24 * time.Hour

// movedQuiet is the least time between two words about another address.
const movedQuiet = 24 * time.Hour

// Decide gives what is to be said when prev has become next, and the memory
// with it. days are those before an end at which to speak up. prev is the zero
// State at the first picture after the start.
func Decide(prev, next state.State, said Said, days []int, now time.Time) ([]Notice, Said) {
	d := decision{prev: prev, next: next, said: maps.Clone(said), now: now}
	if d.said == nil {
		d.said = Said{}
	}
	maps.DeleteFunc(d.said, func(key string, at time.Time) bool { return now.Sub(at) > keep && key != pairedKey(next) })
	d.pairing()
	d.mended()
	d.conditions()
	if next.Paired {
		d.ends(days)
		d.moved()
		d.broken()
	}
	return d.notices, d.said
}

type decision struct {
	prev, next state.State
	said       Said
	now        time.Time
	notices    []Notice
}

// say says something once.
func (d *decision) say(key, title, body string) {
	if _, before := d.said[key]; before {
		return
	}
	d.said[key] = d.now
	d.notices = append(d.notices, Notice{Key: key, Title: title, Body: body})
}

// forget lets what begins with prefix be said again.
func (d *decision) forget(prefix string) {
	maps.DeleteFunc(d.said, func(key string, _ time.Time) bool { return strings.HasPrefix(key, prefix) })
}

func pairedKey(s state.State) string { return "paired:" + unix(s.PairedAt) }

// pairing tells of a new pairing; whatever was said of an earlier one is over.
func (d *decision) pairing() {
	key := pairedKey(d.next)
	if !d.next.Paired {
		if d.next.Link == state.LinkNotPaired {
			d.forget("condition:")
			d.forget("seen:")
			d.forget("broken:")
		}
		return
	}
	if _, known := d.said[key]; known {
		return
	}
	d.said[key] = d.now
	// The first picture of all shows what was there before: no news. Nor are
	// words that belong to the pairing before this one.
	if d.prev.At.IsZero() {
		return
	}
	d.forget("")
	d.said[key] = d.now
	d.notices = append(d.notices, Notice{Key: key, Title: "Paired with " + name(d.next),
		Body: "Its health data is kept on this computer from now on."})
}

// mended forgets conditions of which there is proof that they are over: the
// iPhone answered and they are not there, or the keychain gave its secrets.
func (d *decision) mended() {
	if d.next.Link != state.LinkConnected {
		return
	}
	for key := range d.said {
		if code, ok := strings.CutPrefix(key, "condition:"); ok && !has(d.next, problem.Code(code)) {
			delete(d.said, key)
		}
	}
}

func has(s state.State, code problem.Code) bool {
	return slices.ContainsFunc(s.Conditions, func(c problem.JSON) bool { return c.Code == code })
}

// lasting is how long a condition must have lasted that may be over by itself
// in a moment.
const lasting = 2 * time.Minute

func (d *decision) conditions() {
	for _, a := range acts {
		i := slices.IndexFunc(d.next.Conditions, func(c problem.JSON) bool { return c.Code == a.code })
		seen := "seen:" + string(a.code)
		if i < 0 {
			delete(d.said, seen)
			continue
		}
		if a.after > 0 {
			d.once(seen)
			if d.now.Sub(d.said[seen]) < a.after {
				continue
			}
		}
		d.condition(a, d.next.Conditions[i])
	}
}

func (d *decision) condition(a act, c problem.JSON) {
	key := "condition:" + string(c.Code)
	if (c.Code == problem.CertHasExpired || c.Code == problem.TokenExpired) && d.endSaid() {
		d.once(key)
		return
	}
	title, body := a.words(c, d.next)
	d.say(key, title, body)
}

// endSaid reports that the end of a credential was notified, by its
// date alone.
func (d *decision) endSaid() bool {
	return slices.ContainsFunc(d.next.Credentials, func(c state.Credential) bool {
		_, ok := d.said[endKey(c)+":0"]
		return ok && c.Ended(d.now)
	})
}

func endKey(c state.Credential) string { return "ends:" + c.Name + ":" + unix(c.NotAfter) }

// once records a key without notifying.
func (d *decision) once(key string) {
	if _, ok := d.said[key]; !ok {
		d.said[key] = d.now
	}
}

// ends tells of what ends: at each of the days before, and when it happens;
// credentials that end together share one. A certificate that the app still hopes
// to renew is left out until a week before.
func (d *decision) ends(days []int) {
	var over, soon []state.Credential // the earliest first, as they are listed
	for _, c := range d.next.Credentials {
		if c.Ended(d.now) {
			// The condition has said it, where the iPhone or the Mac has noticed.
			if d.wasSaid(problem.CertHasExpired) || d.wasSaid(problem.TokenExpired) || d.wasSaid(problem.ClockSkew) ||
				d.wasSaid(problem.CertRevoked) {
				d.once(endKey(c) + ":0")
			}
			over = d.unsaid(over, c, 0)
			continue
		}
		threshold, due := c.Due(d.now, days)
		if !due || c.Name == "client" && d.next.Menu.Renewing && threshold > lastCall {
			continue
		}
		soon = d.unsaid(soon, c, threshold)
	}
	if len(over) > 0 {
		d.notices = append(d.notices, Notice{Key: endKey(over[0]) + ":0",
			Title: heading(subjects(over, "has expired", "have expired"), d.next),
			Body:  "Since " + day(over[0].NotAfter, d.now) + ". Pair again from the menu."})
	}
	if len(soon) > 0 {
		d.notices = append(d.notices, Notice{Key: endKey(soon[0]),
			Title: heading(subjects(soon, "ends ", "end ")+when(soon[0].NotAfter, d.now), d.next),
			Body:  remedyFor(soon, d.next.Menu.Renewing)})
	}
}

// lastCall is how many days before the end of a certificate a person is notified
// although the app still hopes to renew it.
const lastCall = 7

// unsaid adds a credential to those of which this is to be said, and notes it
// as said.
func (d *decision) unsaid(list []state.Credential, c state.Credential, threshold int) []state.Credential {
	key := endKey(c) + ":" + strconv.Itoa(threshold)
	if _, before := d.said[key]; before {
		return list
	}
	d.said[key] = d.now
	return append(list, c)
}

// wasSaid reports that a condition was notified and is not over.
func (d *decision) wasSaid(code problem.Code) bool {
	_, ok := d.said["condition:"+string(code)]
	return ok
}

// remedyFor is what to do about what ends soon. renewing says that the app
// renews the Mac's certificate as soon as it can.
func remedyFor(soon []state.Credential, renewing bool) string {
	const again = "Pair again from the menu before then."
	mine := slices.ContainsFunc(soon, func(c state.Credential) bool { return c.Name == "client" })
	switch {
	case mine && !renewing:
		return "The iPhone does not renew it. " + again
	case len(soon) > 1:
		return "Open iOS Health Sync on the iPhone, so that both can be renewed; or pair again from the menu."
	case mine:
		return "It is renewed by itself as soon as the iPhone answers: open iOS Health Sync there."
	}
	switch soon[0].Name {
	case "token":
		return "Pair again from the menu before then, and nothing is missed."
	case "server":
		return "Open iOS Health Sync on the iPhone: it makes a new one."
	}
	return again
}

// moved tells of another address that was followed: once for each, and not
// twice a day, for an iPhone goes from one network to another and back. A new
// port alone is no news: the app takes one each time sharing starts.
func (d *decision) moved() {
	m := d.next.Menu.Moved
	if m == nil || host(m.From) == host(m.To) {
		return
	}
	if p := d.prev.Menu.Moved; p != nil && p.At.Equal(m.At) {
		return
	}
	d.once("moved:" + host(m.From)) // where it was is known: it may go back
	const last = "moved"
	if at, ok := d.said[last]; ok && d.now.Sub(at) < movedQuiet {
		d.once("moved:" + host(m.To))
		return
	}
	before := len(d.notices)
	d.say("moved:"+host(m.To), name(d.next)+" has a new address",
		"It is at "+host(m.To)+" now. Its identity was verified before it was followed.")
	if len(d.notices) > before {
		d.said[last] = d.now
	}
}

// broken tells that nothing came for a day, unless a reason was given already.
func (d *decision) broken() {
	s := d.next
	if s.FailingSince.IsZero() {
		d.forget("broken:")
		return
	}
	if d.now.Sub(s.FailingSince) < Broken || slices.ContainsFunc(slices.Collect(maps.Keys(d.said)),
		func(k string) bool { return strings.HasPrefix(k, "condition:") }) {
		return
	}
	body := "Open iOS Health Sync on the iPhone and tap Start Sharing; both devices need the same Wi-Fi."
	for _, c := range s.Conditions {
		if c.Severity == problem.Severe && c.Code != problem.PhoneNotFound {
			body = c.Sentence + ". " + "What to do is in the menu."
			break
		}
	}
	since := "for a day"
	if !s.LastSync.IsZero() {
		since = "since " + day(s.LastSync, d.now)
	}
	d.say("broken:"+unix(s.FailingSince), "Nothing new from "+name(s)+" "+since, body)
}
