package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
)

// printReport writes what happened in one connection: what a person would
// otherwise ask openssl s_client for. It holds no key and no token.
func printReport(w io.Writer, r *trust.Report) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "tls: %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("connection", "%s, trust: %s, started %s", hostPort(r.Host, r.Port), r.Trust, r.Started.Format(time.RFC3339))
	for _, a := range r.Attempts {
		line("address", "%s %s after %s%s", a.Addr, a.Outcome, ms(a.Took), colon(a.Err))
	}
	if r.Version != "" {
		line("negotiated", "%s, %s, key exchange %s, ALPN %s", r.Version, r.Cipher, r.Group, orNone(r.ALPN))
	}
	for i, c := range r.PeerChain {
		line("server", "%d: %s", i, certLine(c))
	}
	if r.ClientCertRequested {
		line("client", "certificate requested%s, sent: %v", issuers(r.AcceptableCAs), r.ClientCertSent)
	}
	for i, c := range r.LocalChain {
		line("client", "%d: %s", i, certLine(c))
	}
	for _, c := range r.Checks {
		verdict := "ok"
		if !c.OK {
			verdict = "FAILED"
			if !c.Enforced {
				verdict = "not enforced"
			}
		}
		line("check", "%s: %s%s", c.Name, verdict, colon(c.Detail))
	}
	if r.AlertIn != nil {
		line("alert", "received %s", r.AlertIn)
	}
	if r.AlertOut != nil {
		line("alert", "sent %s", r.AlertOut)
	}
	for _, s := range r.Steps {
		line("time", "%s: %s", s.Name, ms(s.Took))
	}
	if r.Failure != nil {
		line("failed", "%s: %v", r.Failure.Code(), r.Failure)
	}
}

func certLine(c pki.Info) string {
	names := ""
	if len(c.SANs) > 0 {
		names = ", for " + printable(strings.Join(c.SANs, ", "))
	}
	return fmt.Sprintf("%s, issued by %s, %s to %s%s, SHA256:%s", printable(c.Subject), printable(c.Issuer),
		c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339), names, c.Fingerprint.Hex())
}

func issuers(cas []string) string {
	if len(cas) == 0 {
		return ""
	}
	return " from " + printable(strings.Join(cas, ", "))
}

func colon(s string) string {
	if s == "" {
		return ""
	}
	return ": " + printable(s)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// ms writes a short time with the precision a person can use.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
