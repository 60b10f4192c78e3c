package pairing

import (
	"fmt"
	"slices"
)

// Verdict is what has become of an iPhone that is not where it was, or of
// which somebody else speaks. There is one for each look, never two.
type Verdict string

// The verdicts. The sentence for each is in app/problem/drift.go.
const (
	// Unmoved: no drift. It is where it was; whatever is wrong with it there is
	// reported as it is.
	Unmoved Verdict = "unmoved"
	// Moved: it proved to be itself elsewhere and was followed.
	Moved Verdict = "moved"
	// Lagging: it is elsewhere, and its certificate does not say so yet: it is
	// to be issued anew (protocol 2). It was not followed.
	Lagging Verdict = "lagging"
	// Rekeyed: at its address, and in its name if in any, an iPhone shows
	// another key. It is never accepted; only pairing again helps.
	Rekeyed Verdict = "re-keyed"
	// AnotherPhone: another device has its address now; ours is not heard of.
	AnotherPhone Verdict = "another-phone"
	// Taken: somebody else answers in its name.
	Taken Verdict = "name-taken"
	// Asleep: nothing answers where it was and nobody announces it, although
	// this computer is in its network: it sleeps, has left, or does not share.
	Asleep Verdict = "asleep"
	// OtherNetwork: this computer is not in the network that the iPhone was in.
	OtherNetwork Verdict = "other-network"
	// Blocked: the iPhone is there, or should be, and something keeps this
	// computer from it: the permission for the local network, a router that
	// keeps its devices apart, a VPN.
	Blocked Verdict = "blocked"
)

// Verdicts lists them all.
func Verdicts() []Verdict {
	return []Verdict{Unmoved, Moved, Lagging, Rekeyed, AnotherPhone, Taken, Asleep, OtherNetwork, Blocked}
}

// Claim is a device that announces itself, with what became of a look at it.
type Claim struct {
	Seen
	// InName says that it is announced in the name of the paired iPhone.
	InName bool
	// AtStored says that it announces the address, whatever the port, where the
	// iPhone was.
	AtStored bool
}

// Facts are all that one search has found out.
type Facts struct {
	// Stored is who answered where the iPhone was.
	Stored Identity
	// OnLink says that the address there belongs to a network that this
	// computer is in.
	OnLink bool
	// Claims are the devices that announce themselves. None is an Impostor:
	// whether another device is one is what is to be found out.
	Claims []Claim
	// Announced says that the stored place itself is announced in the iPhone's
	// name, at this moment.
	Announced bool
	// NoBonjour says that Bonjour could not be used.
	NoBonjour bool
	// Denied says that the system lets nothing through to the local network.
	Denied bool
	// Tunnel says that a VPN is up.
	Tunnel bool
}

// find gives the first claim that matches, nil if none does.
func (f Facts) find(match func(Claim) bool) *Claim {
	if i := slices.IndexFunc(f.Claims, match); i >= 0 {
		return &f.Claims[i]
	}
	return nil
}

// Triage gives the one verdict on the facts, and the claim that it is about; nil
// if it is about the stored place. An identity that was proved counts for more
// than any that was claimed, somebody else's for more than silence, and of the
// silences the one that a person can do something about comes first.
func Triage(f Facts) (Verdict, *Claim) {
	someone := func(c Claim) bool { return c.Identity == Other || c.Identity == NoPhone }
	quiet := func(c Claim) bool { return c.Identity == Silent || c.Identity == Unreachable }
	rekeyedThere := func(c Claim) bool { return c.InName && c.AtStored && c.Identity == Other }
	ours := f.find(func(c Claim) bool { return c.Identity == Yours })
	lagging := f.find(func(c Claim) bool { return c.Identity.Ours() })
	taken := f.find(func(c Claim) bool { return c.InName && someone(c) && !rekeyedThere(c) })
	rekeyed := f.find(rekeyedThere)
	tenant := f.find(func(c Claim) bool { return c.AtStored && !c.InName })
	inName := f.find(func(c Claim) bool { return c.InName })
	unheard := f.find(func(c Claim) bool { return c.InName && quiet(c) })
	unheardElsewhere := f.find(func(c Claim) bool { return c.InName && quiet(c) && !c.AtStored })
	switch {
	case f.Stored == Yours, f.Stored == YoursInvalid, f.Stored == Unchecked:
		return Unmoved, nil
	case ours != nil:
		return Moved, ours
	case f.Stored == YoursMisnamed:
		return Unmoved, nil
	case lagging != nil:
		return Lagging, lagging

	// Somebody else in its name: from another address, or with nothing that an
	// iPhone shows.
	case taken != nil:
		return Taken, taken
	case f.Announced && f.Stored == NoPhone:
		return Taken, nil
	case rekeyed != nil:
		return Rekeyed, rekeyed
	case f.Stored == Other && !f.Announced && tenant != nil, f.Stored == NoPhone:
		return AnotherPhone, tenant
	case f.Stored == Other:
		return Rekeyed, nil

	// A device is there and breaks off: that is reported as it is.
	case f.Stored == BrokeOff:
		return Unmoved, nil

	// Nobody answers.
	case f.Denied:
		return Blocked, unheard
	case unheardElsewhere != nil: // it was heard just now, and cannot be reached
		return Blocked, unheardElsewhere
	case f.Announced && (f.Stored == Unreachable || f.Stored == Silent && f.Tunnel):
		return Blocked, unheard
	case f.Announced || inName != nil:
		return Asleep, nil // a proxy, or an answer of a moment ago, speaks for it
	case !f.OnLink:
		return OtherNetwork, nil
	case f.Tunnel && f.NoBonjour && (f.Stored == Silent || f.Stored == Unreachable):
		return Blocked, nil
	}
	return Asleep, nil
}

// DriftError says why the iPhone cannot be asked: it is not where it was, or
// somebody else is. Nothing was sent to anybody.
type DriftError struct {
	Verdict Verdict
	// Was is where it was, At where the device is that the verdict is about.
	Was, At Place
	// Name is what that device calls itself, "" if nothing.
	Name string
	// Networks are those that this computer is in, Tunnels the VPNs that are up.
	Networks string
	Tunnels  []string
	// Denied is Facts'.
	Denied bool
	// Announced says that it is announced in its name, at Was or elsewhere.
	Announced bool
	// Bonjour is why nothing could be listened to; nil if it was.
	Bonjour error
	// Err is what came of the dial, at Was or at At; There is that at Was.
	Err, There error
	// Namesake says that who is at At shows what an iPhone shows, as another
	// one of the same name does: many are called "iPhone".
	Namesake bool
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("the iPhone is not at %s: %s: %v", e.Was, e.Verdict, e.Err)
}

func (e *DriftError) Unwrap() []error { return []error{e.Err, e.Bonjour} }
