package trust

import (
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"time"

	"healthsync/pki"
)

// WriteTo prints the report for a person: what `--debug-tls` shows. Each line
// begins with "tls: ".
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var p printer
	p.line("%s port %d, trust %s, %s", r.Host, r.Port, r.trust, r.Started.Format(time.RFC3339))
	for _, a := range r.Attempts {
		outcome := "connected"
		if a.Err != nil {
			outcome = a.Err.Error()
		}
		p.line("tried %s: %s, %s", a.Addr, outcome, ms(a.Took))
	}
	if r.Version != "" {
		p.line("%s, %s, %s", r.Version, r.Cipher, r.Group)
	}
	for i, c := range r.Peer {
		pinned := i == 0 && r.trust != nil && r.trust.mode == pinned
		p.certificate(fmt.Sprintf("server certificate %d", i), c, r.Started, pki.InspectOptions{Pinned: pinned})
	}
	if r.Own != nil {
		p.certificate("client certificate", r.Own, r.Started, pki.InspectOptions{Issuer: r.trust.root})
	}
	if r.Version != "" {
		p.line("client certificate: %s", r.clientCertificate())
	}
	for _, c := range r.AcceptableCAs {
		p.line("  the server accepts the CA %s", c)
	}
	for _, c := range r.Checks {
		switch {
		case c.Failure == nil:
			p.line("check %s: ok", c.Name)
		case c.Enforced:
			p.line("check %s: FAILED: %v", c.Name, c.Failure)
		default:
			p.line("check %s: noted, not enforced: %v", c.Name, c.Failure)
		}
	}
	for _, s := range r.Steps {
		p.line("%-16s took %9s", s.Name, ms(s.Took))
	}
	if r.Failure != nil {
		p.line("failed: %v [%s]", r.Failure, r.Failure.Kind)
	} else {
		p.line("ok")
	}
	n, err := io.WriteString(w, p.String())
	return int64(n), err
}

func (r *Report) clientCertificate() string {
	switch {
	case !r.ClientCertRequested:
		return "not asked for"
	case r.ClientCertSent:
		return "asked for and shown"
	}
	return "asked for, none shown"
}

// printer writes lines that begin alike.
type printer struct{ strings.Builder }

func (p *printer) line(format string, args ...any) {
	// A name in a certificate may hold anything, line breaks and escape
	// sequences for the terminal included.
	text := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || 0x80 <= c && c < 0xa0 {
			return '?'
		}
		return c
	}, fmt.Sprintf(format, args...))
	p.WriteString("tls: " + text + "\n")
}

func (p *printer) certificate(title string, cert *x509.Certificate, now time.Time, o pki.InspectOptions) {
	c := pki.Inspect(cert, now, o)
	p.line("%s: subject %s, issuer %s, %s", title, c.Subject, c.Issuer, c.Status)
	p.line("  valid %s to %s", c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339))
	if len(c.SANs) > 0 {
		p.line("  names %s", strings.Join(c.SANs, ", "))
	}
	if len(c.Usage) > 0 {
		p.line("  usage %s", strings.Join(c.Usage, ", "))
	}
	p.line("  %s, %s, serial %s", c.KeyAlgorithm, c.Signature, c.Serial)
	p.line("  SHA-256 %s", c.Fingerprint)
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
