package notice

import (
	"strings"
	"time"

	"healthsync/app/status"
)

// act is a condition that only a person can mend, and how it is told.
type act struct {
	code status.Code
	// after is how long it must have lasted: a keychain is unlocked a moment
	// after the login, a clock is set a moment after the wake.
	after time.Duration
	// title is the heading where the condition's own, made to stand beside an
	// error, would puzzle; NAME is the iPhone's.
	title string
	// means says what follows from it, where the condition's own detail is one
	// for whoever looks for the fault: a path, a name of a service.
	means string
	// here says that it is this computer's trouble, not the iPhone's.
	here bool
	// inFull tells the whole remedy: to do what the menu offers first may be the
	// wrong thing, or it is to be done on the iPhone.
	inFull bool
}

// acts lists them. What is not listed either mends itself, or is the answer to
// something that the person is just doing, or is told by another rule (what
// ends soon, a new address).
var acts = []act{
	{code: status.CertHasExpired},
	{code: status.TokenExpired},
	{code: status.CertNotYetValid, after: lasting},
	{code: status.ClockSkew, after: lasting, title: "The clocks of this computer and NAME disagree"},
	{code: status.CertSignatureInvalid, means: "What answers in its place cannot prove to be the paired iPhone, so nothing is synced."},
	{code: status.NoClientCertificate, title: "This computer's certificate is missing", means: "Without it the iPhone does not answer, so nothing is synced.", here: true},
	{code: status.CertRevoked, title: "NAME has revoked this computer", means: "Nothing is synced any more; what is stored stays."},
	{code: status.SelfSigned, means: "What answers in its place cannot prove to be the paired iPhone, so nothing is synced."},
	{code: status.CertFingerprintMismatch, title: "Something else answers in the place of NAME", means: "Its certificate is not the one that was paired, and nothing was sent to it.", inFull: true},
	{code: status.CAMismatch, title: "NAME and this computer are of different pairings", means: "Each trusts another CA, so nothing is synced.", inFull: true},
	{code: status.CertRejected, title: "NAME refuses this computer", means: "It no longer takes this computer's certificate, so nothing is synced."},
	{code: status.CertWrongUsage, means: "Its certificate is made for something else, so nothing is synced."},
	{code: status.TokenRejected, title: "NAME refuses this computer"},
	{code: status.CertNameInvalid, means: "Its certificate is for another address, so nothing is synced."},
	{code: status.UnsupportedProtocol, means: "It does not speak TLS 1.3, so nothing is synced."},
	{code: status.HostUnverified, title: "Another device answers in the name of NAME", inFull: true},
	{code: status.KeychainLocked, after: lasting, means: "Syncing waits until it is unlocked.", here: true},
	{code: status.KeychainDenied, means: "HealthSync may not read its own secrets, so nothing is synced.", here: true},
	{code: status.KeychainMissing, title: "A secret is missing from the keychain", means: "This computer can no longer show that it is paired, so nothing is synced.", here: true},
	{code: status.KeychainUnavailable, after: lasting, means: "Without one HealthSync cannot read its secrets, so nothing is synced.", here: true},
	{code: status.KeychainCorrupt, means: "This computer can no longer show that it is paired, so nothing is synced. Nothing was overwritten.", here: true},
	{code: status.DiskFull, after: lasting, means: "Nothing new can be stored until there is room; what is stored is safe.", here: true},
	{code: status.StoreCorrupt, title: "The health database is damaged", means: "It was left as it is, and nothing is added to it.", here: true},
	{code: status.StoreReadOnly, title: "The health database cannot be written", means: "Nothing new can be stored.", here: true},
	{code: status.StoreNewer, title: "The health database is of a newer HealthSync", means: "This version leaves it alone, so nothing is stored.", here: true},
	{code: status.ConfigInvalid, after: lasting, means: "HealthSync cannot read its settings, so nothing is synced.", here: true},
	{code: status.PairingFile, means: "HealthSync cannot read whom it is paired with, so nothing is synced.", here: true},
	{code: status.TypeSilent, title: "Some data of NAME no longer arrives", inFull: true},
}

// words are the heading and the body of a condition.
func (a act) words(c status.JSON, s status.State) (title, body string) {
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
func step(r status.Remedy) string {
	if r.Text == "" || r.Action == "" {
		return ""
	}
	switch r.Action {
	case status.ActPair:
		return " Pair again from the menu."
	case status.ActRenew:
		return " Renew it from the menu."
	}
	return " What to do is in the menu."
}
