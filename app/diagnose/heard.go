package diagnose

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
)

// listen hears who announces itself, until the paired iPhone has proved to be
// among them or the time is over.
func (w *walk) listen(ctx context.Context) {
	if w.o.Finder == nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w.heardErr = w.ear.Discover(ctx, w.o.Finder, w.o.Listen, func(s pairing.Seen) {
		w.heard = append(w.heard, s)
		if s.Identity.Ours() {
			stop()
		}
	})
	pairing.Settle(w.heard)
}

// weigh corrects "not found": an iPhone that connects, or announces the very
// place it was asked at, was found and is silent.
func (w *walk) weigh() {
	if w.reached {
		// Then another of its name is just another.
		w.heard = append(w.heard, pairing.Seen{Identity: pairing.Yours})
		pairing.Settle(w.heard)
		w.heard = w.heard[:len(w.heard)-1]
	}
	var lost *pairing.DriftError
	if errors.As(w.askErr, &lost) && lost.Verdict == pairing.Asleep &&
		(w.connected() || slices.ContainsFunc(w.heard, w.isPlace)) {
		w.askErr = lost.Err
	}
}

func (w *walk) bonjour() {
	switch {
	case w.o.Finder == nil:
		w.set(Bonjour, Skipped, "Switched off (HEALTHSYNC_BONJOUR=off)", "")
		return
	case w.heardErr != nil:
		w.warn(Bonjour, "Bonjour cannot be used", w.heardErr.Error()+".",
			problem.Remedy{Text: "see that another program does not keep UDP port 5353 to itself, and that no firewall blocks it"})
		return
	}
	mine := slices.IndexFunc(w.heard, func(s pairing.Seen) bool {
		return s.Identity.Ours()
	})
	fake := slices.ContainsFunc(w.heard, func(s pairing.Seen) bool {
		return s.Identity == pairing.Impostor &&
			!w.isPlace(s)
	})
	lines := make([]string, 0, len(w.heard))
	for _, s := range w.heard {
		w.names = append(w.names, s.Instance.Name)
		lines = append(lines, w.heardLine(s))
	}
	slices.Sort(lines)
	detail := strings.Join(lines, "\n")
	heard := words.Plural(len(w.heard), "iPhone") + " announced"
	switch {
	case w.record == nil && len(w.heard) == 0:
		w.set(Bonjour, OK, "Nobody is announced", "")
	case w.record == nil:
		w.set(Bonjour, OK, heard, detail)
	case mine >= 0:
		w.set(Bonjour, OK, heard+", yours among them", detail)
	case !fake && slices.ContainsFunc(w.heard, w.isPlace):
		// What is wrong with it is told by the checks of its connection.
		w.set(Bonjour, OK, heard+", one at your iPhone's address", detail)
	case fake && !w.reached:
		// Where it was believed to be ours, or is where ours was, that is told by
		// the checks of address and certificate.
		w.set(Bonjour, OK, heard+", one in your iPhone's name with another identity", detail)
	case w.reached:
		w.warn(Bonjour, "Your iPhone answers and is not announced", detail,
			problem.Remedy{Text: "let UDP port 5353 through firewalls and the Wi-Fi router, or the iPhone is lost when its address changes"})
	case len(w.heard) == 0:
		w.set(Bonjour, Warn, "Nobody is announced", "")
	default:
		w.set(Bonjour, Warn, heard+", yours not among them", detail)
	}
}

// isPlace reports a device that announces the very place where the iPhone is
// thought to be.
func (w *walk) isPlace(s pairing.Seen) bool {
	if s.Instance.Port != w.place.Port {
		return false
	}
	return strings.EqualFold(strings.TrimSuffix(w.place.Host, "."), s.Instance.Host) ||
		slices.ContainsFunc(s.Instance.Addrs, func(a netip.Addr) bool { return a.String() == w.place.Host })
}

func (w *walk) heardLine(s pairing.Seen) string {
	who := "an iPhone"
	if w.o.Names {
		who = s.Instance.Name
	}
	what := map[pairing.Identity]string{
		pairing.Yours: "yours, verified", pairing.Other: "another one",
		pairing.Impostor:  "your iPhone's name, another identity",
		pairing.NotPaired: "not paired", pairing.Unchecked: "not checked", pairing.Foreign: "no local address",
	}[s.Identity]
	if s.Identity != pairing.Yours && s.Identity.Ours() || s.Identity.Unanswered() || s.Identity == pairing.NoPhone {
		code := problem.From(s.Err, w.now).Code
		what = string(code)
		if code == problem.Interrupted { // yours was found meanwhile
			what = "not checked"
		}
		if s.Identity.Ours() {
			what = "yours, " + what
		}
	}
	return fmt.Sprintf("%s at %s: %s", who, s.Place, what)
}
