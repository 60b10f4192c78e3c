package diagnose

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/app/words"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
)

func (w *walk) pairing() {
	r, err := w.s.Record()
	if err != nil {
		w.failed(Pairing, err)
		return
	}
	w.record = r
	w.names = append(w.names, r.Name)
	how := "by mutual TLS (protocol 2)"
	if r.Protocol == 1 {
		how = "by a pinned certificate and a token (protocol 1)"
	}
	with := "an iPhone"
	if w.o.Names && r.Name != "" {
		with = r.Name
	}
	w.set(Pairing, OK, fmt.Sprintf("Paired with %s since %s, %s", with, words.LocalDay(r.PairedAt), how), "")
}

// keychain asks the vault whether it could be used, without waking it: a walk
// must not stop at a question for a password. Where it could, the pairing is
// opened.
func (w *walk) keychain(ctx context.Context) {
	v, err := w.s.Vault()
	if err == nil {
		err = v.Check(ctx)
	}
	if err != nil {
		w.failed(Keychain, err)
		return
	}
	items, err := v.List(ctx)
	if err != nil {
		w.failed(Keychain, err)
		return
	}
	own, strays := 0, 0
	for _, i := range items {
		switch {
		case !i.Own:
		case w.record != nil && w.record.Needs(i):
			own++
		default:
			strays++
		}
	}
	sentence := fmt.Sprintf("%s, open: %s of this pairing", words.Capital(v.Where()), words.Plural(own, "item"))
	detail := ""
	if v.Kind() == vault.KindFile {
		detail = "Secrets are kept in a file, as it was chosen."
	}
	if strays > 0 {
		sentence += fmt.Sprintf(", %d left over", strays)
	}
	w.set(Keychain, OK, sentence, detail)
	if w.record == nil {
		return
	}
	if w.record.Protocol == 2 {
		// What cannot be read is missing from them, and the reason is told below.
		w.certs, err = w.s.Certificates(ctx, w.record)
		if err != nil {
			w.failed(Keychain, err)
			return
		}
	}
	if w.link, err = w.s.Link(ctx, w.linkOptions()); err == nil {
		w.ear, err = w.s.Link(ctx, w.o.Link)
	}
	if err != nil {
		w.refused(err)
	}
}

// linkOptions note where the iPhone was followed to, and whether that is kept.
func (w *walk) linkOptions() pairing.LinkOptions {
	o := w.o.Link
	tell := o.Moved
	o.Moved = func(from, to pairing.Place) {
		w.movedTo = &to
		if tell != nil {
			tell(from, to)
		}
	}
	o.Unkept = func(_ string, err error) { w.unkept = err } // the report says it
	return o
}

// certificates looks at each certificate by itself; what the iPhone and the
// handshake said of them has been written down before.
func (w *walk) certificates() {
	r := w.record
	if r == nil {
		for _, id := range []string{ServerCert, ClientCert, CACert} {
			w.skip(id, noPairing)
		}
		return
	}
	server, _ := r.ServerCertificate() // checked when the record was read
	shown := "as last seen"
	if w.observed != nil && w.observed.ServerCert() != nil {
		server, shown = w.observed.ServerCert(), "as shown now"
	}
	if r.Protocol == 1 {
		w.pinned(server, shown)
		w.skip(ClientCert, "Not applicable to protocol 1")
		w.skip(CACert, "Not applicable to protocol 1")
		return
	}
	if w.failing(Keychain) {
		w.skip(ClientCert, "The keychain cannot be read")
		w.skip(CACert, "The keychain cannot be read")
		w.certificate(ServerCert, trust.Server, server, nil, false, shown)
		return
	}
	w.certificate(ServerCert, trust.Server, server, w.certs.CA, false, shown)
	w.ownCertificate()
	w.ca()
}

func (w *walk) pinned(server *x509.Certificate, shown string) {
	if got, want := pki.FingerprintOf(server), w.record.Leaf(); !want.Equal(got) {
		w.failed(ServerCert, &trust.Failure{Kind: trust.FingerprintMismatch, Whose: trust.Server, Cert: server,
			Want: want, Got: got, At: w.now})
		return
	}
	i := pki.Inspect(server, w.now, pki.InspectOptions{Pinned: true})
	sentence := fmt.Sprintf("The pinned one, %s, %s", i.Fingerprint.Short(), shown)
	detail := ""
	switch {
	case i.DatesDoubtful:
		detail = "Its dates are of another calendar; they are not enforced."
	case i.Status == pki.StatusExpired:
		detail = fmt.Sprintf("It expired on %s; a pinned certificate's dates are not enforced.", words.Day(i.NotAfter))
	}
	w.set(ServerCert, OK, sentence, detail)
}

// certificate judges one by its dates and its issuer, in the words of a failed
// connection.
func (w *walk) certificate(id string, whose trust.Whose, cert, ca *x509.Certificate, revoked bool, shown string) {
	if w.done(id) {
		return
	}
	i := pki.Inspect(cert, w.now, pki.InspectOptions{Issuer: ca, Revoked: revoked})
	f := &trust.Failure{Whose: whose, Cert: cert, At: w.now}
	switch i.Status {
	case pki.StatusExpired:
		f.Kind = trust.Expired
	case pki.StatusNotYetValid:
		f.Kind = trust.NotYetValid
	case pki.StatusRevoked:
		f.Kind = trust.Revoked
	case pki.StatusUntrusted:
		f.Kind = trust.BrokenChain
		if i.SelfSigned {
			f.Kind = trust.SelfSigned
		} else if ca != nil && string(cert.RawIssuer) == string(ca.RawSubject) {
			f.Kind = trust.OtherCA
		}
	default:
		if w.soon(i.NotBefore, i.NotAfter) {
			w.condition(id, problem.Expiring(problem.CertExpiring, problem.Certificate(whose), i.NotAfter, w.now))
			return
		}
		w.set(id, OK, fmt.Sprintf("%s, %s to %s, %s", i.Subject, i.NotBefore.Format(time.DateOnly),
			i.NotAfter.Format(time.DateOnly), shown), "")
		return
	}
	w.failed(id, f)
}

func (w *walk) ownCertificate() {
	if w.done(ClientCert) {
		return
	}
	if w.certs.Client == nil {
		w.failed(ClientCert, &pairing.MissingError{What: "client certificate", Where: "keychain",
			ClientCertificate: true, Err: vault.ErrNotFound})
		return
	}
	// An answer shows that what was once revoked is so no longer.
	revoked := !w.record.Revoked.IsZero() && !w.reached
	w.certificate(ClientCert, trust.Client, w.certs.Client, w.certs.CA, revoked, "its key is there")
}

func (w *walk) ca() {
	switch ca := w.certs.CA; {
	case w.done(CACert):
	case ca == nil:
		w.failed(CACert, &trust.Failure{Kind: trust.BrokenChain, Whose: trust.CA, At: w.now, Err: vault.ErrNotFound})
	case !w.record.CA.Equal(pki.FingerprintOf(ca)):
		w.failed(CACert, &trust.Failure{Kind: trust.CAMismatch, Whose: trust.CA, Cert: ca, Want: w.record.CA,
			Got: pki.FingerprintOf(ca), At: w.now})
	default:
		w.certificate(CACert, trust.CA, ca, nil, false, "of this pairing")
	}
}

// soon is the rule of `status` for an end that is near.
func (w *walk) soon(from, until time.Time) bool {
	_, due := state.Credential{NotBefore: from, NotAfter: until}.Due(w.now, w.config.ExpiryDays())
	return due
}

func (w *walk) token(ctx context.Context) {
	r := w.record
	switch {
	case w.done(Token):
		return
	case r == nil:
		w.skip(Token, noPairing)
		return
	case r.Protocol == 2:
		w.skip(Token, "Not applicable to protocol 2")
		return
	case w.failing(Keychain):
		w.skip(Token, "The keychain cannot be read")
		return
	}
	there, err := w.s.HasToken(ctx, r)
	if err == nil && !there {
		err = &pairing.MissingError{What: "token", Where: "keychain", Err: vault.ErrNotFound}
	}
	end := r.TokenExpiresAt
	switch {
	case err != nil:
		w.failed(Token, err)
	case w.now.After(end):
		w.failed(Token, &pairing.TokenExpiredError{At: end, Err: errors.New("by this computer's clock")})
	case w.soon(r.PairedAt, end):
		w.condition(Token, problem.Expiring(problem.TokenExpiring, "The pairing's token", end, w.now))
	case w.reached:
		w.set(Token, OK, "Accepted; it is good until "+words.Day(end), "")
	default:
		w.set(Token, OK, "There; it is good until "+words.Day(end), "")
	}
}

func (w *walk) skip(id, why string) {
	if !w.done(id) {
		w.set(id, Skipped, why, "")
	}
}
