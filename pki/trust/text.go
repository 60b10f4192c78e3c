package trust

import (
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
	p.line("%s port %d, trust %s, %s", r.Host, r.Port, r.Trust, r.Started.Format(time.RFC3339))
	if len(r.Resolved) > 0 {
		names := make([]string, len(r.Resolved))
		for i, a := range r.Resolved {
			names[i] = a.String()
		}
		p.line("addresses: %s", strings.Join(names, ", "))
	}
	for _, a := range r.Attempts {
		p.line("tried %s after %s: %s, %s%s", a.Addr, ms(a.After), a.Outcome, ms(a.Took), colon(a.Err))
	}
	if r.Version != "" {
		p.line("%s, %s, %s, ALPN %s", r.Version, r.Cipher, r.Group, or(r.ALPN, "none"))
	}
	p.chain("server", r.PeerChain)
	p.chain("client", r.LocalChain)
	if r.Version != "" {
		p.line("client certificate: %s", r.clientStory())
	}
	for _, c := range r.AcceptableCAs {
		p.line("  the server accepts the CA %s", c)
	}
	for _, c := range r.Checks {
		p.line("check %s: %s%s", c.Name, verdict(c), colon(c.Detail))
	}
	if r.AlertOut != nil {
		p.line("alert out: %s", r.AlertOut)
	}
	if r.AlertIn != nil {
		p.line("alert in: %s", r.AlertIn)
	}
	for _, s := range r.Steps {
		p.line("%-16s at %9s took %9s", s.Name, ms(s.After), ms(s.Took))
	}
	if r.Failure != nil {
		p.line("failed: %s [%s]", r.Failure, r.Failure.Code())
	} else {
		p.line("ok")
	}
	n, err := io.WriteString(w, p.String())
	return int64(n), err
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
	p.WriteString("tls: ")
	p.WriteString(text)
	p.WriteByte('\n')
}

func (p *printer) chain(whose string, chain []pki.Info) {
	for i, c := range chain {
		p.line("%s certificate %d: subject %s, issuer %s, %s", whose, i, c.Subject, c.Issuer, c.Status)
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
}

func (r *Report) clientStory() string {
	switch {
	case !r.ClientCertRequested:
		return "not asked for"
	case r.ClientCertSent:
		return "asked for and shown"
	}
	return "asked for, none shown"
}

func verdict(c Check) string {
	switch {
	case c.OK:
		return "ok"
	case c.Enforced:
		return "FAILED"
	}
	return "noted, not enforced"
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
