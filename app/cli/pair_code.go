package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki"
	"healthsync/pki/pairingcode"
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
)

// pairByCode pairs by the code alone. The rest of what a QR code says comes
// from the network, which anyone can write: the certificate is believed only
// after a person has compared it with what the iPhone shows, and the code goes
// to nobody before.
func pairByCode(ctx context.Context, env *Env, o *pairOptions) error {
	code, err := o.readCode(ctx, env)
	if err != nil {
		return err
	}
	var want pki.Fingerprint
	if o.fingerprint != "" {
		if want, err = pki.ParseFingerprint(o.fingerprint); err != nil {
			return usageError("--fingerprint is "+err.Error()+".", "")
		}
	}
	s, err := env.computer()
	if err != nil {
		return err
	}
	name, place, err := o.choosePhone(ctx, env)
	if err != nil {
		return err
	}
	r, err := s.Observe(ctx, place, env.linkOptions())
	if err != nil {
		return err
	}
	offer, err := pairing.ReadOffer(place, r)
	if err != nil {
		return strange(err)
	}
	if err := o.compare(ctx, env, name, place, offer, want, r); err != nil {
		return err
	}
	req := pairing.Request{Protocol: offer.Protocol, Host: place.Host, Port: place.Port, Code: code, Leaf: offer.Leaf,
		CA: offer.CA}
	return pairWith(ctx, env, req, o.name)
}

// readCode takes the code from the flag or, for a dash, from standard input,
// and checks it as that of a QR code is.
func (o *pairOptions) readCode(ctx context.Context, env *Env) (string, error) {
	code := strings.TrimSpace(o.token)
	if code == "-" {
		if env.InTTY && env.ErrTTY {
			fmt.Fprint(env.Stderr, "Pairing code: ")
		}
		line, err := readLine(ctx, env.Stdin)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return "", usageError("There is no pairing code on standard input.", "")
		}
		code = line
	}
	return code, checkCode(code, env.Now(), "healthsync pair --token CODE")
}

// checkCode refuses what no pairing code is, before the iPhone is asked: it
// takes five wrong ones.
func checkCode(code string, now time.Time, command string) error {
	// The other fields are stand-ins: only what is said of the code counts.
	p := pairingcode.Payload{Version: 1, Host: "127.0.0.1", Port: 1, Code: code, ExpiresAt: now,
		Leaf: pki.FingerprintOfDER(nil)}
	_, err := pairingcode.ParsePayload(p.JSON())
	var bad *pairingcode.PayloadError
	if errors.As(err, &bad) {
		return usageError(fmt.Sprintf("The pairing code %s.", bad.Reason), command)
	}
	return err
}

// choosePhone finds the one iPhone to pair with.
func (o *pairOptions) choosePhone(ctx context.Context, env *Env) (name string, at pairing.Place, err error) {
	if o.host != "" && (o.port != 0 || !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(o.host, ".")), ".local")) {
		if _, err := trust.LocalHost(ctx, o.host); err != nil {
			return "", at, err
		}
	}
	if o.host != "" && o.port != 0 {
		return "", pairing.Place{Host: o.host, Port: o.port}, nil
	}
	found, err := o.listen(ctx, env)
	if err != nil {
		return "", at, err
	}
	switch {
	case len(found) == 0:
		return "", at, o.nobody(env)
	case len(found) == 1:
		return found[0].name, found[0].at, nil
	}
	if !env.InTTY || !env.ErrTTY {
		return "", at, several(found)
	}
	for i, c := range found {
		fmt.Fprintf(env.Stderr, "  %d  %s at %s\n", i+1, deviceName(c.name), c.at)
	}
	fmt.Fprintf(env.Stderr, "Which one? [1-%d] ", len(found))
	answer, err := readLine(ctx, env.Stdin)
	switch {
	case ctx.Err() != nil:
		return "", at, ctx.Err()
	case err != nil:
		return "", at, declined()
	}
	n, err := strconv.Atoi(answer)
	if err != nil || n < 1 || n > len(found) {
		return "", at, declined()
	}
	return found[n-1].name, found[n-1].at, nil
}

// candidate is an iPhone that announces itself.
type candidate struct {
	name string
	at   pairing.Place
}

// listen lists the iPhones that announce themselves, those at --host and --port
// only where they are given.
func (o *pairOptions) listen(ctx context.Context, env *Env) ([]candidate, error) {
	finder := env.finder()
	if finder == nil {
		return nil, usageError("Bonjour is switched off (HEALTHSYNC_BONJOUR=off), so the iPhone cannot be found by itself.",
			"healthsync pair --token CODE --host HOST --port PORT")
	}
	env.note("looking for the iPhone ...")
	var out []candidate
	var nobody *pairing.Link
	err := nobody.Discover(ctx, finder, discoverTime, func(s pairing.Seen) {
		out = slices.DeleteFunc(out, func(c candidate) bool { return c.name == s.Instance.Name }) // it has moved
		if o.matches(s.Instance) && s.Identity != pairing.Foreign {
			out = append(out, candidate{s.Instance.Name, s.Place})
		}
	})
	if err != nil && len(out) == 0 {
		return nil, problem.From(err, env.Now())
	}
	slices.SortFunc(out, func(a, b candidate) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

func (o *pairOptions) matches(i bonjour.Instance) bool {
	if o.port != 0 && i.Port != o.port {
		return false
	}
	if o.host == "" || strings.EqualFold(strings.TrimSuffix(o.host, "."), i.Host) {
		return true
	}
	for _, a := range i.Addrs {
		if a.String() == strings.Trim(o.host, "[]") {
			return true
		}
	}
	return false
}

func (o *pairOptions) nobody(env *Env) error {
	e := problem.New(problem.PhoneNotFound, fmt.Sprintf("No iPhone announced itself by Bonjour within %s.",
		words.Span(discoverTime)), nil)
	e.Remedy = problem.Remedy{Text: "tap Start Sharing on the iPhone and run the command again, or say where it is",
		Command: "healthsync pair --token CODE --host HOST --port PORT", Action: "pair"}
	if o.host != "" {
		e.Detail = fmt.Sprintf("No iPhone announced itself at %s by Bonjour within %s.", o.host,
			words.Span(discoverTime))
	}
	return e
}

// several lists the choice where nobody can be asked.
func several(found []candidate) error {
	lines := []string{fmt.Sprintf("%d iPhones are on this network:", len(found))}
	for _, c := range found {
		lines = append(lines, fmt.Sprintf("  %s at %s", deviceName(c.name), c.at))
	}
	e := usageError(strings.Join(lines, "\n"), "")
	e.Sentence = "There is more than one iPhone to pair with"
	e.Remedy = problem.Remedy{Text: "say which",
		Command: fmt.Sprintf("healthsync pair --token CODE --host %s --port %d",
			found[0].at.Host, found[0].at.Port)}
	return e
}

// strange says that a device cannot be paired with.
func strange(err error) error {
	var s *pairing.StrangeError
	if !errors.As(err, &s) {
		return err
	}
	e := problem.New(problem.NotTLS, fmt.Sprintf("%s shows no certificate of iOS Health Sync. Nothing was sent to it.",
		s.Place), err)
	e.Sentence = "What answers at this address is not iOS Health Sync"
	return e
}

// compare has the fingerprint compared: with the one given, or by a person.
func (o *pairOptions) compare(ctx context.Context, env *Env, name string, at pairing.Place, offer pairing.Offer,
	want pki.Fingerprint, r *trust.Report) error {
	if !want.IsZero() {
		if !want.Equal(offer.Leaf) {
			e := problem.From(&trust.Failure{Kind: trust.FingerprintMismatch, Whose: trust.Server, Cert: r.ServerCert(),
				Want: want, Got: offer.Leaf, Host: at.Host, Addr: at.String(), At: env.Now()}, env.Now())
			e.Sentence = "The certificate is not the one that --fingerprint names"
			e.Remedy = problem.Remedy{Text: "compare it again with what the iPhone shows below its QR code; if that is what you gave, somebody else answers at this address"}
			return e
		}
		return nil
	}
	print := grouped(offer.Leaf)
	if !env.InTTY || !env.ErrTTY {
		e := problem.New(problem.NeedsYes, fmt.Sprintf("%s at %s shows the certificate\n%s\nNothing was sent to it.",
			capitalName(name), at, print), nil)
		e.Sentence = "The iPhone's certificate must be compared before the code is sent"
		e.Remedy = problem.Remedy{Text: "if the iPhone shows the same below its QR code",
			Command: "healthsync pair --token CODE --fingerprint FINGERPRINT"}
		return e
	}
	fmt.Fprintf(env.Stderr, "\n%s at %s shows a certificate with the fingerprint\n\n%s\n\nThe iPhone shows it below its QR code (Show QR Code, Fingerprint).\n", capitalName(name), at, print)
	return env.confirm(ctx, "Are all characters the same?", false)
}

// capitalName is a device's name at the beginning of a sentence.
func capitalName(name string) string {
	if name == "" {
		return "The device"
	}
	return printable(name)
}

// grouped writes a fingerprint as the iPhone does, lower-case and without
// colons, in groups that an eye can compare.
func grouped(f pki.Fingerprint) string {
	hex := f.Hex()
	var b strings.Builder
	for i := 0; i < len(hex); i += 8 {
		switch {
		case i == 0:
			b.WriteString("    ")
		case i%32 == 0:
			b.WriteString("\n    ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(hex[i : i+8])
	}
	return b.String()
}
