package pairing

import (
	"errors"
	"fmt"

	"healthsync/pki"
	"healthsync/pki/trust"
)

// Verdict is what has become of an iPhone that is not where it was, or of
// which somebody else speaks. There is one for each look, never two.
type Verdict string

// The verdicts. How each is told to a person is in app/explain/drift.go.
const (
	// Unmoved: no drift. It is where it was; whatever is wrong with it there is
	// told as it is.
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

// Outcome is what came of a handshake at one place, as far as it says who is
// there.
type Outcome int

// The outcomes.
const (
	// Silent: no answer in time.
	Silent Outcome = iota
	// Refusing: a device is there and does not listen.
	Refusing
	// NoWay: there is no way to the address.
	NoWay
	// Broken: something answered and broke off, which says nothing of who it is.
	Broken
	// Ours: it proved to be the paired iPhone.
	Ours
	// Faulty: it is the paired iPhone's, and its certificate cannot be used
	// (out of date, for another use).
	Faulty
	// Unnamed: it is the paired iPhone's, and its certificate is not for this
	// address.
	Unnamed
	// Stranger: an iPhone of another identity.
	Stranger
	// Alien: what answered is no iPhone that shares health data.
	Alien
	// Unjudged: this computer has nothing to tell its iPhone by.
	Unjudged
)

// outcomeOf reads the end of a handshake.
func outcomeOf(err error) Outcome {
	if err == nil {
		return Ours
	}
	var f *trust.Failure
	if !errors.As(err, &f) {
		return Broken
	}
	switch identityOf(err) {
	case Unchecked:
		return Unjudged
	case YoursFaulty:
		if f.Kind == trust.NameMismatch {
			return Unnamed
		}
		return Faulty
	case Other:
		if genuine(f) {
			return Stranger
		}
		return Alien
	}
	switch f.Kind {
	case trust.Refused:
		return Refusing
	case trust.Unreachable, trust.NameNotFound:
		return NoWay
	case trust.TimedOut, trust.Canceled:
		return Silent
	case trust.NotTLS, trust.TLSVersion:
		return Alien
	}
	return Broken
}

// genuine reports a certificate as iOS Health Sync makes them (spec: protocol,
// certificates), of whomever. One that cannot be read, or whose key is not
// there, is none.
func genuine(f *trust.Failure) bool {
	return f.Kind != trust.Malformed && f.Cert != nil &&
		(f.Cert.Subject.CommonName == pki.CommonNameV1 || f.Cert.Subject.CommonName == pki.CommonNameServer)
}

// Claim is a place that somebody announces.
type Claim struct {
	// InName says that it is announced in the name of the paired iPhone.
	InName bool
	// AtStored says that it is at the address, whatever the port, where the
	// iPhone was.
	AtStored bool
	Outcome  Outcome
}

// Facts are all that one look has found out.
type Facts struct {
	// Stored is what came of the place where the iPhone was.
	Stored Outcome
	// OnLink says that the address there belongs to a network that this
	// computer is in.
	OnLink bool
	// Claims are the places that were announced, but for the stored one.
	Claims []Claim
	// Announced says that the stored place itself is announced in the iPhone's
	// name, at this moment.
	Announced bool
	// Deaf says that nothing could be listened to.
	Deaf bool
	// Denied says that the system lets nothing through to the local network.
	Denied bool
	// Tunnel says that a VPN is up.
	Tunnel bool
}

// Triage gives the one verdict on the facts. An identity that was proved counts
// for more than any that was claimed, somebody else's for more than silence, and
// of the silences the one that a person can do something about comes first.
func Triage(f Facts) Verdict {
	has := func(match func(Claim) bool) bool {
		for _, c := range f.Claims {
			if match(c) {
				return true
			}
		}
		return false
	}
	someone := func(o Outcome) bool { return o == Stranger || o == Alien }
	quiet := func(o Outcome) bool { return o == Silent || o == NoWay }
	switch {
	case f.Stored == Ours, f.Stored == Faulty, f.Stored == Unjudged:
		return Unmoved
	case has(func(c Claim) bool { return c.Outcome == Ours }):
		return Moved
	case f.Stored == Unnamed:
		return Unmoved
	case has(func(c Claim) bool { return c.Outcome == Unnamed || c.Outcome == Faulty }):
		return Lagging

	// Somebody else in its name: from another address, or with nothing that an
	// iPhone shows.
	case has(func(c Claim) bool { return c.InName && someone(c.Outcome) && !(c.AtStored && c.Outcome == Stranger) }),
		f.Announced && f.Stored == Alien:
		return Taken
	case has(func(c Claim) bool { return c.InName && c.AtStored && c.Outcome == Stranger }):
		return Rekeyed
	case f.Stored == Stranger && !f.Announced && has(func(c Claim) bool { return c.AtStored && !c.InName }):
		return AnotherPhone
	case f.Stored == Stranger:
		return Rekeyed
	case f.Stored == Alien:
		return AnotherPhone

	// A device is there and breaks off: that is told as it is.
	case f.Stored == Broken:
		return Unmoved

	// Nobody answers.
	case f.Denied:
		return Blocked
	case has(func(c Claim) bool { return c.InName && quiet(c.Outcome) && !c.AtStored }):
		return Blocked // it was heard just now, and cannot be reached
	case f.Announced && f.Stored == NoWay, f.Announced && f.Stored == Silent && f.Tunnel:
		return Blocked
	case f.Announced || has(func(c Claim) bool { return c.InName }):
		return Asleep // a proxy, or an answer of a moment ago, speaks for it
	case !f.OnLink:
		return OtherNetwork
	case f.Tunnel && f.Deaf && quiet(f.Stored):
		return Blocked
	}
	return Asleep
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
