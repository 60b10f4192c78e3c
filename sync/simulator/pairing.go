package simulator

import (
	"crypto/subtle"
	"strings"
	"sync"
	"time"
)

// From PairingService.swift.
const (
	codeLength   = 8
	codeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
	codeLifetime = 5 * time.Minute
	maxAttempts  = 5
	tokenTTL     = 30 * 24 * time.Hour
)

// refusal is why a pairing was refused: a code for version 2 and the app's own
// sentence.
type refusal struct{ code, text string }

func (r *refusal) Error() string { return r.text }

// The refusals of PairingError, with the app's sentences.
var (
	refusedNoSession = &refusal{"PAIRING_NO_SESSION", "No pairing session active. Generate a new QR code in the iOS app."}
	refusedInvalid   = &refusal{"PAIRING_CODE_INVALID", "Invalid pairing code. Check that you copied the latest QR code."}
	refusedExpired   = &refusal{"PAIRING_CODE_EXPIRED", "Pairing code expired (5 min TTL). Generate a new QR code."}
	refusedAttempts  = &refusal{"PAIRING_LOCKED_OUT", "Too many failed attempts. Restart the iOS app to try again."}
)

// pairing is the app's one pending pairing.
type pairing struct {
	mu      sync.Mutex
	pending bool
	code    string
	expires time.Time
	failed  int
}

// begin starts a pairing, in place of an earlier one.
func (p *pairing) begin(now time.Time) (code string, expires time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending, p.failed = true, 0
	p.code = randomText(codeLength, codeAlphabet)
	p.expires = now.Add(codeLifetime)
	return p.code, p.expires.UTC().Truncate(time.Second)
}

// open reports whether a pairing is pending, if only to be told that it has
// expired.
func (p *pairing) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending
}

// try takes a code. After the fifth wrong one the next request of any code is
// told that there were too many, and the one after that finds no session:
// the order of the checks is the app's. accept runs while the pairing is
// still open, and closes it when it succeeds.
func (p *pairing) try(code string, now time.Time, accept func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.pending:
		return refusedNoSession
	case p.failed >= maxAttempts:
		p.pending = false
		return refusedAttempts
	case !p.expires.After(now):
		p.pending = false
		return refusedExpired
	case subtle.ConstantTimeCompare([]byte(p.code), []byte(code)) != 1:
		p.failed++
		return refusedInvalid
	}
	if err := accept(); err != nil {
		return err
	}
	p.pending = false
	return nil
}

// newToken makes a token as the app does: a random UUID in upper case without
// its hyphens.
func newToken() string {
	b := []byte(randomText(32, "0123456789ABCDEF"))
	b[12] = '4'
	b[16] = "89AB"[strings.IndexByte("0123456789ABCDEF", b[16])&3]
	return string(b)
}

// limiter is the app's sliding window of 60 requests in 60 seconds per token,
// or per client certificate.
type limiter struct {
	mu  sync.Mutex
	log map[string][]time.Time
}

const (
	rateLimit  = 60
	rateWindow = 60 * time.Second
)

func newLimiter() *limiter { return &limiter{log: map[string][]time.Time{}} }

// limited counts a request and reports whether it is one too many; those do
// not count (NetworkServer.isRateLimited).
func (l *limiter) limited(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.log[who][:0]
	for _, t := range l.log[who] {
		if now.Sub(t) < rateWindow {
			kept = append(kept, t)
		}
	}
	if len(kept) >= rateLimit {
		l.log[who] = kept
		return true
	}
	l.log[who] = append(kept, now)
	return false
}
