package problem

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"healthsync/app/pairing"
)

// driftError tells what has become of an iPhone that is not where it was. The
// menu, `status` and `diagnose` all have their words from here. [pairing.Moved]
// is no error: it is HOST_CHANGED, told by who followed.
func driftError(d *pairing.DriftError, err error, now time.Time) *Error {
	why := From(d.Err, now)
	switch d.Verdict {
	case pairing.Taken:
		return taken(d, err, now)
	case pairing.Rekeyed:
		// The guide has a section for each way in which a key can be another.
		e := *why
		e.Err = err
		if d.Name != "" {
			e.Detail = strings.TrimSpace(fmt.Sprintf("%s\n%s answers in its name.", e.Detail, d.At))
		}
		return &e
	case pairing.AnotherPhone:
		who := "another device"
		if d.Name != "" {
			who = fmt.Sprintf("another iPhone, %q", d.Name)
		}
		e := New(PhoneNotFound, fmt.Sprintf("At its last address, %s, is %s now; yours is not announced by Bonjour. Nothing was sent to it.", d.Was, who), err)
		e.Sentence = "Another device has the iPhone's last address"
		return e
	case pairing.OtherNetwork:
		e := New(PhoneNotFound, fmt.Sprintf("It was last at %s; this computer is in %s.", d.Was,
			cmp.Or(d.Networks, "no network")), err)
		e.Sentence = "This computer is not in the iPhone's network"
		e.Remedy = Remedy{Text: "bring both into the same Wi-Fi", Command: "healthsync discover", Action: ActCheck}
		return e
	case pairing.Blocked:
		return blocked(d, err)
	}
	// Asleep, away, or not sharing.
	if why.Code == ConnRefused || d.Announced { // the device is there
		e := *why
		e.Err = err
		e.Detail = strings.TrimSpace(e.Detail + " " + said(d))
		return &e
	}
	return New(PhoneNotFound, lostDetail(d, why), err)
}

// taken says that somebody else answers in its name. Where that may just be
// another iPhone, what is wrong with this one is told too: to pair again helps
// only who has reinstalled the app.
func taken(d *pairing.DriftError, err error, now time.Time) *Error {
	e := New(HostUnverified, fmt.Sprintf("%s announces the name %q and has another identity.", d.At, d.Name), err)
	there := From(d.There, now)
	if d.Namesake && there.Exit() == ExitUnreachable {
		e.Detail += fmt.Sprintf(" It may be another iPhone of that name; it was not trusted, and nothing was sent to it.\n"+
			"Yours does not answer at %s: %s (%s).", d.Was, there.Sentence, there.Code)
		e.Remedy = Remedy{
			Text:    "open the iOS Health Sync app on yours and tap Start Sharing; only if you reinstalled it, pair again (healthsync unpair && healthsync scan)",
			Command: "healthsync status", Action: ActCheck,
		}
	}
	return e
}

// blocked says what stands between, as far as it can be told.
func blocked(d *pairing.DriftError, err error) *Error {
	e := New(HostUnreachable, "", err)
	switch {
	case d.Denied:
		e.Sentence = "HealthSync may not be allowed to use the local network"
		e.Detail = fmt.Sprintf("%s is in this computer's own network, and macOS lets nothing through to it.", d.At)
		e.Remedy.Text = "allow HealthSync (or the terminal it runs in) in System Settings > Privacy & Security > Local Network"
	case len(d.Tunnels) > 0:
		e.Sentence = "A VPN may keep the iPhone from being reached"
		e.Detail = fmt.Sprintf("A tunnel is up (%s), and nothing answers at %s.", strings.Join(d.Tunnels, ", "), d.At)
		e.Remedy.Text = "switch the VPN off, or let it leave the local network alone"
	default:
		e.Sentence = "The iPhone is announced and cannot be reached"
		e.Detail = fmt.Sprintf("It announces itself at %s, and nothing answers there.", d.At)
		e.Remedy.Text = "leave a guest Wi-Fi, and switch \"client isolation\" off in the router: it keeps its devices apart"
	}
	return e
}

func said(d *pairing.DriftError) string {
	switch {
	case d.Announced:
		return "It is announced by Bonjour all the same: it sleeps, or its app has just stopped."
	case d.Bonjour != nil:
		return fmt.Sprintf("Bonjour cannot be used here: %v.", d.Bonjour)
	}
	return "It is not announced by Bonjour."
}

// lostDetail says where the iPhone was looked for.
func lostDetail(d *pairing.DriftError, why *Error) string {
	detail := fmt.Sprintf("It does not answer at %s, and it is not announced by Bonjour.", d.Was)
	if d.Bonjour != nil {
		detail = fmt.Sprintf("It does not answer at %s, and Bonjour cannot be used here: %v.", d.Was, d.Bonjour)
	}
	if why.Code != PhoneNotFound {
		detail += fmt.Sprintf("\nAt the address: %s (%s).", why.Sentence, why.Code)
	}
	return detail
}
