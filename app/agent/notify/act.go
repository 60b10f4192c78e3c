package notify

import (
	"strings"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
)

// act is a condition that only a person can mend, and its notification.
type act struct {
	code problem.Code
	// after is how long it must have lasted: a keychain is unlocked a moment
	// after the login, a clock is set a moment after the wake.
	after time.Duration
	// title overrides the condition's title, which assumes an error message next
	// to it; NAME is the iPhone's.
	title string
	// means says what follows from it, where the condition's own detail is one
	// for finding the fault: a path, a name of a service.
	means string
	// here says that the fault is this computer's, not the iPhone's.
	here bool
	// inFull tells the whole remedy: to do what the menu offers first may be the
	// wrong thing, or it is to be done on the iPhone.
	inFull bool
}

// acts lists them. What is not listed either mends itself, or is the answer to
// something that the person is just doing, or that another rule reports (what
// ends soon, a new address).
var acts = []act{
	{code: problem.CertHasExpired},
	{code: problem.TokenExpired},
	{code: problem.CertNotYetValid, after: lasting},
	{code: problem.ClockSkew, after: lasting, title: "The clocks of this computer and NAME disagree"},
	{code: problem.CertSignatureInvalid, means: "What answers in its place cannot prove to be the paired iPhone, so nothing is synced."},
	{code: problem.NoClientCertificate, title: "This computer's certificate is missing",
		means: "Without it the iPhone does not answer, so nothing is synced.", here: true},
	{code: problem.CertRevoked, title: "NAME has revoked this computer",
		means: "Nothing is synced any more; what is stored stays."},
	{code: problem.SelfSigned, means: "What answers in its place cannot prove to be the paired iPhone, so nothing is synced."},
	{code: problem.CertFingerprintMismatch, title: "Something else answers in the place of NAME",
		means: "Its certificate is not the one that was paired, and nothing was sent to it.", inFull: true},
	{code: problem.CAMismatch, title: "NAME and this computer are of different pairings",
		means: "Each trusts another CA, so nothing is synced.", inFull: true},
	{code: problem.CertRejected, title: "NAME refuses this computer",
		means: "It no longer takes this computer's certificate, so nothing is synced."},
	{code: problem.CertWrongUsage, means: "Its certificate is made for something else, so nothing is synced."},
	{code: problem.TokenRejected, title: "NAME refuses this computer"},
	{code: problem.CertNameInvalid, means: "Its certificate is for another address, so nothing is synced."},
	{code: problem.UnsupportedProtocol, means: "It does not speak TLS 1.3, so nothing is synced."},
	{code: problem.HostUnverified, title: "Another device answers in the name of NAME", inFull: true},
	{code: problem.KeychainLocked, after: lasting, means: "Syncing waits until it is unlocked.", here: true},
	{code: problem.KeychainDenied, means: "HealthSync may not read its own secrets, so nothing is synced.", here: true},
	{code: problem.KeychainMissing, title: "A secret is missing from the keychain",
		means: "This computer can no longer show that it is paired, so nothing is synced.", here: true},
	{code: problem.KeychainUnavailable, after: lasting,
		means: "Without one HealthSync cannot read its secrets, so nothing is synced.", here: true},
	{code: problem.KeychainCorrupt, means: "This computer can no longer show that it is paired, so nothing is synced. Nothing was overwritten.", here: true},
	{code: problem.DiskFull, after: lasting,
		means: "Nothing new can be stored until there is room; what is stored is safe.", here: true},
	{code: problem.StoreCorrupt, title: "The health database is damaged",
		means: "It was left as it is, and nothing is added to it.", here: true},
	{code: problem.StoreReadOnly, title: "The health database cannot be written", means: "Nothing new can be stored.",
		here: true},
	{code: problem.StoreNewer, title: "The health database is of a newer HealthSync",
		means: "This version leaves it alone, so nothing is stored.", here: true},
	{code: problem.ConfigInvalid, after: lasting, means: "HealthSync cannot read its settings, so nothing is synced.",
		here: true},
	{code: problem.PairingFile, means: "HealthSync cannot read whom it is paired with, so nothing is synced.",
		here: true},
	{code: problem.TypeSilent, title: "Some data of NAME no longer arrives", inFull: true},
}

// words are the heading and the body of a condition.
func (a act) words(c problem.JSON, s state.State) (title, body string) {
	switch {
	case a.title != "":
		title = strings.Replace(a.title, "NAME", name(s), 1)
		if rest, ok := strings.CutPrefix(title, "the "); ok && s.Device == "" {
			title = "The " + rest
		}
	case a.here:
		title = c.Title
	default:
		title = heading(c.Title, s)
	}
	body = a.means
	if body == "" {
		if body, _, _ = strings.Cut(c.Detail, "\n"); body == "" {
			body = c.Sentence + "."
		}
	}
	if a.inFull {
		return title, body + " " + strings.ToUpper(c.Remedy.Text[:1]) + c.Remedy.Text[1:] + "."
	}
	return title, body + step(c.Remedy)
}

// step is the next step as a sentence of its own.
func step(r problem.Remedy) string {
	if r.Text == "" || r.Action == "" {
		return ""
	}
	switch r.Action {
	case problem.ActPair:
		return " Pair again from the menu."
	case problem.ActRenew:
		return " Renew it from the menu."
	}
	return " What to do is in the menu."
}
