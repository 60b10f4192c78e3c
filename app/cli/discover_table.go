package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki"
)

// identityWords say whose it is, in a cell of the table.
func (s sighting) identityWords(now time.Time) string {
	code := func() string {
		if s.Err == nil {
			return "?"
		}
		return string(problem.From(s.Err, now).Code)
	}
	switch s.Identity {
	case pairing.NotLooked:
		return "checking ..."
	case pairing.Yours:
		if !s.announced {
			return "yours, verified; at its last address, not announced"
		}
		return "yours, verified"
	case pairing.YoursInvalid, pairing.YoursMisnamed:
		return "yours, but " + code()
	case pairing.Other:
		return "another iPhone"
	case pairing.Impostor:
		return "NOT yours, in its name [" + string(problem.HostUnverified) + "]"
	case pairing.NotPaired:
		return "not paired with this computer"
	case pairing.Unchecked:
		return "not checked"
	case pairing.Foreign:
		return "no address of this network"
	}
	return "does not answer [" + code() + "]"
}

// sightingJSON is a device in an answer.
type sightingJSON struct {
	Name        string           `json:"name"`
	Host        string           `json:"hostName,omitempty"`
	Address     string           `json:"host,omitempty"`
	Port        int              `json:"port"`
	Addresses   []string         `json:"addresses,omitempty"`
	Announced   bool             `json:"announced"`
	Identity    pairing.Identity `json:"identity"`
	Code        problem.Code     `json:"code,omitempty"`
	Protocol    int              `json:"protocol,omitempty"`
	Fingerprint pki.Fingerprint  `json:"certificateFingerprint,omitzero"`
}

func (s sighting) json(now time.Time) sightingJSON {
	out := sightingJSON{Name: printable(s.Instance.Name), Host: printable(s.Instance.Host), Address: s.Place.Host, Port: s.Instance.Port,
		Addresses: s.addresses(), Announced: s.announced, Identity: s.Identity}
	if s.Err != nil && s.Identity != pairing.Other {
		out.Code = problem.From(s.Err, now).Code
	}
	if cert := s.Report.ServerCert(); cert != nil {
		out.Fingerprint = pki.FingerprintOf(cert)
		if offer, err := pairing.ReadOffer(s.Place, s.Report); err == nil {
			out.Protocol = offer.Protocol
		}
	}
	return out
}

func (s sighting) addresses() []string {
	var out []string
	for _, a := range s.Instance.Addrs {
		out = append(out, a.String())
	}
	return out
}

func (s sighting) where() string {
	switch {
	case s.Place.Host != "":
		return hostPort(s.Place.Host, s.Place.Port)
	case len(s.Instance.Addrs) > 0 && s.Identity == pairing.NotLooked: // not looked at yet
		return hostPort(s.Instance.Addrs[0].String(), s.Instance.Port)
	}
	return "-"
}

func (l *lookout) print(found []sighting, asJSON bool) error {
	now := l.env.Now()
	if asJSON {
		answer := struct {
			Paired  bool           `json:"paired"`
			Bonjour string         `json:"bonjour"`
			Phones  []sightingJSON `json:"phones"`
			Trouble *problem.JSON  `json:"trouble,omitempty"`
		}{l.paired, "ok", []sightingJSON{}, nil}
		if l.finder == nil {
			answer.Bonjour = "off"
		}
		if l.trouble != nil {
			j := l.trouble.JSON()
			answer.Bonjour, answer.Trouble = "unusable", &j
		}
		for _, s := range found {
			answer.Phones = append(answer.Phones, s.json(now))
		}
		return l.env.printJSON(answer)
	}
	if l.trouble != nil {
		l.env.note("note: %s: %s", l.trouble.Sentence, l.trouble.Detail)
	}
	if len(found) == 0 {
		l.printNobody()
		return nil
	}
	l.env.printf("%s", l.table(found))
	mine := func(s sighting) bool { return s.Identity.Ours() }
	switch {
	case slices.ContainsFunc(found, func(s sighting) bool { return s.Identity == pairing.Impostor }):
		l.env.note("%s", sentenceOf(problem.HostUnverified))
	case l.link != nil && !slices.ContainsFunc(found, mine):
		l.env.note("your iPhone is not among them; open iOS Health Sync on it and tap Start Sharing")
	case !l.paired:
		l.env.note("to pair: on the iPhone tap Show QR Code, then  healthsync scan")
	}
	return nil
}

// sentenceOf is a condition with what to do, for a note.
func sentenceOf(code problem.Code) string {
	row, _ := problem.Lookup(code)
	return fmt.Sprintf("%s [%s]; %s", row.Sentence, row.Code, row.Remedy)
}

// printNobody says what to check where no iPhone was found.
func (l *lookout) printNobody() {
	l.env.printf("No iPhone found.\n")
	l.env.printf(`
What to check:
  1. On the iPhone: iOS Health Sync is open, and Start Sharing was tapped.
  2. The iPhone and this computer are in the same Wi-Fi, and no VPN is on.
  3. %s
  4. The router does not keep its devices apart ("client isolation", guest Wi-Fi).
The rest is checked by:  healthsync diagnose
`, permissionHint)
}

func (l *lookout) table(found []sighting) string {
	now := l.env.Now()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "NAME\tADDRESS\tIDENTITY\n")
	for _, s := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", deviceName(s.Instance.Name), s.where(), s.identityWords(now))
	}
	w.Flush()
	if l.verbose {
		b.WriteString(l.details(found))
	}
	return b.String()
}

// details are what --verbose adds.
func (l *lookout) details(found []sighting) string {
	var b strings.Builder
	for _, s := range found {
		fmt.Fprintf(&b, "\n%s\n", deviceName(s.Instance.Name))
		if s.Instance.Host != "" {
			fmt.Fprintf(&b, "  Host name: %s\n", printable(s.Instance.Host))
		}
		if len(s.Instance.Addrs) > 0 {
			fmt.Fprintf(&b, "  Addresses: %s\n", strings.Join(s.addresses(), ", "))
		}
		fmt.Fprintf(&b, "  Port: %d\n", s.Instance.Port)
		cert := s.Report.ServerCert()
		if cert == nil {
			continue
		}
		if offer, err := pairing.ReadOffer(s.Place, s.Report); err == nil {
			fmt.Fprintf(&b, "  Protocol: %d\n", offer.Protocol)
		} else {
			fmt.Fprintf(&b, "  Protocol: none of iOS Health Sync\n")
		}
		claim := "verified"
		if s.Identity != pairing.Yours {
			claim = "as it says, not verified"
		}
		fmt.Fprintf(&b, "  Certificate: %s (%s)\n", pki.FingerprintOf(cert).Hex(), claim)
	}
	return b.String()
}
