package simulator

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
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
	refusedNoSession = &refusal{"PAIRING_NO_SESSION",
		"No pairing session active. Generate a new QR code in the iOS app."}
	refusedInvalid = &refusal{"PAIRING_CODE_INVALID",
		"Invalid pairing code. Check that you copied the latest QR code."}
	refusedExpired  = &refusal{"PAIRING_CODE_EXPIRED", "Pairing code expired (5 min TTL). Generate a new QR code."}
	refusedAttempts = &refusal{"PAIRING_LOCKED_OUT", "Too many failed attempts. Restart the iOS app to try again."}
)

// faultRefusal is the refusal that a fault asks for, or nil.
func faultRefusal(f faults) error {
	for name, r := range map[string]*refusal{
		"no-session": refusedNoSession, "expired-code": refusedExpired,
		"invalid-code": refusedInvalid, "locked-out": refusedAttempts,
	} {
		if f.has(name) {
			return r
		}
	}
	return nil
}

// pairing is the app's one pending pairing.
type pairing struct {
	mu      sync.Mutex
	code    string // "" where none is pending
	expires time.Time
	failed  int
}

// begin starts a pairing, in place of an earlier one.
func (p *pairing) begin(now time.Time) (code string, expires time.Time) {
	b := make([]byte, codeLength)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = codeAlphabet[int(b[i])%len(codeAlphabet)]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code, p.expires, p.failed = string(b), now.Add(codeLifetime), 0
	return p.code, p.expires.UTC().Truncate(time.Second)
}

// open reports whether a pairing is pending, if only to be told that it has
// expired.
func (p *pairing) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code != ""
}

// try takes a code. After the fifth wrong one the next request of any code is
// told that there were too many, and the one after that finds no session:
// the order of the checks is the app's. accept runs while the pairing is
// still open, and closes it when it succeeds.
func (p *pairing) try(code string, now time.Time, accept func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.code == "":
		return refusedNoSession
	case p.failed >= maxAttempts:
		p.code = ""
		return refusedAttempts
	case !p.expires.After(now):
		p.code = ""
		return refusedExpired
	case subtle.ConstantTimeCompare([]byte(p.code), []byte(code)) != 1:
		p.failed++
		return refusedInvalid
	}
	if err := accept(); err != nil {
		return err
	}
	p.code = ""
	return nil
}

// newToken makes a token as the app does: 32 random hexadecimal digits.
func newToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return fmt.Sprintf("%X", b)
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

// limited counts a request and reports whether it is one too many; those do
// not count (NetworkServer.isRateLimited).
func (l *limiter) limited(who string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.log[who]
	for len(log) > 0 && now.Sub(log[0]) >= rateWindow {
		log = log[1:]
	}
	many := len(log) >= rateLimit
	if !many {
		log = append(log, now)
	}
	l.log[who] = log
	return many
}
