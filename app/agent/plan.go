package agent

import (
	"crypto/x509"
	"math/rand/v2"
	"slices"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/pki"
)

// How often the iPhone is asked how it is. Each question is one connection and
// wakes a radio, so none is asked oftener than its answer is of use.
const (
	// everyConnected bounds how long the menu can say Connected of an iPhone
	// that has walked out of the house.
	everyConnected = 2 * time.Minute
	// firstRetry doubles up to lastRetry while an iPhone is away, and stays at
	// it for the first quarter of an hour: somebody is probably just about to
	// open the app. After that the iPhone is somewhere else.
	firstRetry = 10 * time.Second
	lastRetry  = time.Minute
	keenFor    = 15 * time.Minute
	everyAway  = 5 * time.Minute
	// Where a person must act, a click asks at once; but a keychain may be
	// unlocked, or a clock be set, without one.
	firstBroken  = time.Minute
	everyBroken  = 10 * time.Minute
	afterWake    = 3 * time.Second // until the Wi-Fi is back
	afterNetwork = 2 * time.Second

	// A sync that fails although the iPhone answers is tried again after
	// firstSyncRetry, doubling up to lastSyncRetry.
	firstSyncRetry = time.Minute
	lastSyncRetry  = time.Hour
	// busyRetry is how long a sync by another process is left alone.
	busyRetry = 3 * time.Second
	// A sync that the person stopped does not begin again by itself before the
	// interval is over, and at least this time.
	stoppedFor = 15 * time.Minute
	// fresh is for how long an answer is good enough for somebody who opens
	// the menu.
	fresh = 10 * time.Second
)

// plan is when to look and when to try a sync again. All of it is wall-clock
// time: a night slept through does not shift it.
type plan struct {
	random *rand.Rand

	looking            bool // a look is under way
	again, againOnline bool // another was asked for meanwhile
	lookAt             time.Time
	awaySince          time.Time
	retry              time.Duration
	retryAt            time.Time // no sync by itself before
	syncFails          int
	asked              bool      // the sync that runs was asked for by a click
	freshened          time.Time // when the sync that runs asked for the newest days last
	busyUntil          time.Time // another process syncs; it is left alone
	stoppedUntil       time.Time // the person stopped the last one
	lookedAt           time.Time // the iPhone was asked last
}

// jitter spreads what many apps (or one that was woken) would do at once by
// a tenth each way.
func (p *plan) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*p.random.Float64()))
}

// soon brings the next look forward, and begins the back-off anew.
func (p *plan) soon(now time.Time, d time.Duration) {
	p.retry, p.awaySince = 0, time.Time{}
	p.retryAt = time.Time{}
	if at := now.Add(d); d > 0 || p.lookAt.IsZero() || at.Before(p.lookAt) {
		p.lookAt = at
	}
}

// looked plans the next look after one that found the phase so.
func (p *plan) looked(now time.Time, found Phase) {
	p.lookedAt = now
	switch found {
	case Connected, Syncing:
		p.retry, p.awaySince = 0, time.Time{}
		p.lookAt = now.Add(p.jitter(everyConnected))
	case Attention:
		p.retry = min(max(2*p.retry, firstBroken), everyBroken)
		p.lookAt = now.Add(p.jitter(p.retry))
	default:
		if p.awaySince.IsZero() {
			p.awaySince = now
		}
		p.retry = min(max(2*p.retry, firstRetry), lastRetry)
		d := p.retry
		if now.Sub(p.awaySince) > keenFor {
			d = everyAway
		}
		p.lookAt = now.Add(p.jitter(d))
	}
}

// mayBegin is the first moment at which a sync may begin by itself.
func (p *plan) mayBegin() time.Time {
	if p.stoppedUntil.After(p.retryAt) {
		return p.stoppedUntil
	}
	return p.retryAt
}

func (p *plan) lookDue(now time.Time, paired bool) bool {
	return paired && !p.lookAt.IsZero() && !now.Before(p.lookAt)
}

// nextSync is when the app should sync by itself; zero if never.
func (c *core) nextSync() time.Time {
	if c.menu.Interval == 0 || !c.seen.Paired || c.seen.At.IsZero() {
		return time.Time{}
	}
	from := c.seen.LastSync
	if from.IsZero() { // never: as soon as there is an iPhone
		return c.seen.PairedAt
	}
	return from.Add(c.menu.Interval)
}

// syncDue reports that a sync by itself is due. A last sync that lies ahead is
// one of a clock that was set back: it counts for nothing.
func (c *core) syncDue(now time.Time) bool {
	n := c.nextSync()
	return c.sync == nil && !n.IsZero() && (!now.Before(n) || c.seen.LastSync.After(now))
}

// freshDue reports that the sync under way has lasted for the interval: what
// came meanwhile is asked for before the rest of the history.
func (c *core) freshDue(now time.Time) bool {
	at := c.freshAt()
	return !at.IsZero() && (!now.Before(at) || at.Sub(now) > c.menu.Interval) // or the clock was set back
}

// freshAt is when the sync under way has lasted for the interval; zero if there
// is none, or none by itself.
func (c *core) freshAt() time.Time {
	if c.sync == nil || c.elsewhere() || c.sync.Stopping || c.menu.Interval == 0 {
		return time.Time{}
	}
	return c.plan.freshened.Add(c.menu.Interval)
}

// failing notes that a sync by itself could not be done.
func (c *core) failing(now time.Time) {
	if c.memory.FailingSince.IsZero() {
		c.memory.FailingSince, c.dirty = now.UTC().Truncate(time.Second), true
	}
}

// working clears FailingSince: syncing works or is switched off.
func (c *core) working() {
	if !c.memory.FailingSince.IsZero() {
		c.memory.FailingSince, c.dirty = time.Time{}, true
	}
}

// backOff puts off the next sync after one that failed although the iPhone
// answers.
func (c *core) backOff(now time.Time) {
	d := min(firstSyncRetry<<min(c.plan.syncFails, 10), lastSyncRetry)
	c.plan.syncFails++
	c.plan.retryAt = now.Add(c.plan.jitter(d))
}

// quietly marks what the app does by itself: it fails without a word.
const quietly = "quietly"

// client gives the Mac's certificate.
func (c *core) client() (state.Credential, bool) {
	i := slices.IndexFunc(c.seen.Credentials, func(x state.Credential) bool { return x.Name == "client" })
	if i < 0 {
		return state.Credential{}, false
	}
	return c.seen.Credentials[i], true
}

// inRenewal reports that the Mac's certificate is near enough to its end to be
// renewed.
func (c *core) inRenewal(now time.Time) (state.Credential, bool) {
	cert, ok := c.client()
	return cert, ok && pki.RenewDue(&x509.Certificate{NotBefore: cert.NotBefore, NotAfter: cert.NotAfter}, now)
}

// hopesToRenew reports that the certificate will be renewed in its time, as
// soon as the iPhone can be reached: it has not refused.
func (c *core) hopesToRenew() bool {
	cert, ok := c.client()
	return ok && !cert.NotAfter.Equal(c.memory.RenewRefused)
}

// renewEvery is the least time between two attempts that the iPhone answered,
// renewAgain after one that did not reach it.
const (
	renewEvery = 24 * time.Hour
	renewAgain = time.Hour
)

func (c *core) renewDue(now time.Time) bool {
	if c.phase != Connected || c.jobs.running(problem.ActRenew) || now.Sub(c.memory.RenewTried) < renewEvery {
		return false
	}
	_, due := c.inRenewal(now)
	return due
}
