package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki"
)

func newCertCommand(env *Env) *cobra.Command {
	return newGroup("cert", "Show, export and renew the certificates",
		"  healthsync cert info\n  healthsync cert export --output healthsync-cert.pem\n  healthsync cert renew",
		newCertInfoCommand(env), newCertExportCommand(env), newCertRenewCommand(env))
}

func newCertInfoCommand(env *Env) *cobra.Command {
	var client, server, ca bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Show the certificates of the pairing",
		Long: `Shows the certificates of the pairing as this computer has them; the iPhone is
not asked. Without a flag all of them. A pairing of protocol 1 has none but the
iPhone's, which is pinned, and a token: both are shown.`,
		Example: "  healthsync cert info\n  healthsync cert info --ca\n  healthsync cert info --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := !client && !server && !ca
			want := chosen{"client": client || all, "server": server || all, "ca": ca || all}
			return runCertInfo(cmd.Context(), env, want, all)
		},
	}
	cmd.Flags().BoolVar(&client, "client", false, "this computer's certificate")
	cmd.Flags().BoolVar(&server, "server", false, "the iPhone's certificate")
	cmd.Flags().BoolVar(&ca, "ca", false, "the CA's certificate")
	return cmd
}

// chosen are the certificates that are wanted: of client, server and ca, all of
// which if none was named.
type chosen map[string]bool

// certInfo is everything there is to show.
type certInfo struct {
	paired   bool
	protocol int
	certs    []shownCert
	tokenEnd time.Time // zero where there is no token, or none is wanted
}

// shownCert is a certificate under its heading.
type shownCert struct {
	key, title string
	pki.Info
}

func (c *certInfo) add(want chosen, key, title string, i pki.Info) {
	if want[key] {
		c.certs = append(c.certs, shownCert{key, title, i})
	}
}

func runCertInfo(ctx context.Context, env *Env, want chosen, whole bool) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	info, err := gatherCerts(ctx, s, want, whole)
	if err != nil {
		return err
	}
	if !env.JSON {
		env.printCerts(info, whole)
		return nil
	}
	out := fields{"paired": info.paired}.with("protocol", info.protocol, info.paired)
	for _, c := range info.certs {
		out[c.key] = c.Info
	}
	if end := info.tokenEnd; !end.IsZero() {
		out["token"] = fields{"status": tokenStatus(end, env.Now()), "notAfter": end,
			"daysLeft": pki.DaysLeft(end, env.Now())}
	}
	return env.printJSON(out)
}

func tokenStatus(end, now time.Time) string {
	if now.After(end) {
		return "Expired"
	}
	return "Valid"
}

func gatherCerts(ctx context.Context, s *pairing.Computer, want chosen, whole bool) (out certInfo, err error) {
	now := s.Now()
	var server *x509.Certificate
	var certs pairing.Certificates
	r, err := s.Record()
	switch {
	case errors.Is(err, pairing.ErrNotPaired):
		r = &pairing.Record{}
	case err != nil:
		return out, err
	default:
		out.paired, out.protocol = true, r.Protocol
		if server, err = r.ServerCertificate(); err != nil {
			return out, err
		}
	}
	if r.Protocol == 1 {
		out.add(want, "server", "Server Certificate (pinned)",
			pki.Inspect(server, now, pki.InspectOptions{Pinned: true}))
		if whole {
			out.tokenEnd = r.TokenExpiresAt
		}
		return out, nil
	}
	if out.paired {
		if certs, err = s.Certificates(ctx, r); err != nil {
			return out, err
		}
	}
	ca := pki.Inspect(certs.CA, now, pki.InspectOptions{Issuer: certs.CA})
	if certs.CA != nil && !r.CA.Equal(pki.FingerprintOf(certs.CA)) {
		ca.Status = pki.StatusUntrusted
	}
	out.add(want, "client", "Client Certificate", pki.Inspect(certs.Client, now,
		pki.InspectOptions{Issuer: certs.CA, Revoked: !r.Revoked.IsZero()}))
	out.add(want, "server", "Server Certificate (cached)", pki.Inspect(server, now,
		pki.InspectOptions{Issuer: certs.CA}))
	out.add(want, "ca", "CA Certificate", ca)
	return out, nil
}

// printCerts writes the user guide's "Healthy output", word for word where all
// is well.
func (e *Env) printCerts(info certInfo, whole bool) {
	fix := !info.paired
	for n, c := range info.certs {
		if n > 0 {
			e.printf("\n")
		}
		e.printf("%s:\n", c.title)
		missing := c.Status == pki.StatusMissing
		if !missing {
			e.printf("  Subject: %s\n", printable(c.Subject))
			if c.key != "ca" {
				e.printf("  Issuer: %s\n", printable(c.Issuer))
			}
			e.printf("  Valid: %s to %s\n", words.ISODay(c.NotBefore), words.ISODay(c.NotAfter))
		}
		e.printf("  Status: %s\n", statusWords(c.Info, e.Now()))
		if !whole && !missing {
			e.printf("  Fingerprint: %s\n", c.Fingerprint)
		}
		fix = fix || missing && c.key != "server"
	}
	if end := info.tokenEnd; !end.IsZero() {
		e.printf("\nToken:\n  Valid: until %s\n  Status: %s\n", words.ISODay(end),
			left(tokenStatus(end, e.Now()), end, e.Now()))
	}
	switch {
	case info.protocol == 1:
		if len(info.certs) > 0 {
			e.printf("\n")
		}
		e.printf("%s", aboutProtocol1)
	case fix:
		e.printf("\nFix: %s\n", problem.New(problem.NotPaired, "", nil).Remedy)
	}
}

const aboutProtocol1 = `This iPhone app pairs by a pinned certificate and a token (protocol 1): there is no
client certificate and no CA. Its certificate is trusted by its fingerprint; its dates
are not enforced.
`

// statusWords is the status, with the days where they are few or past.
func statusWords(i pki.Info, now time.Time) string {
	if i.DatesDoubtful {
		return i.Status.String() + " (its dates are of another calendar)"
	}
	switch i.Status {
	case pki.StatusExpired:
		return fmt.Sprintf("%s (%s ago)", i.Status, words.Span(now.Sub(i.NotAfter)))
	case pki.StatusNotYetValid:
		return fmt.Sprintf("%s (in %s)", i.Status, words.Span(i.NotBefore.Sub(now)))
	case pki.StatusValid:
		return left(i.Status.String(), i.NotAfter, now)
	}
	return i.Status.String()
}

// left adds what is left where it is a month or less.
func left(word string, end, now time.Time) string {
	switch d := end.Sub(now); {
	case d < 0:
		return fmt.Sprintf("%s (%s ago)", word, words.Span(d))
	case d <= pki.RenewBefore:
		return fmt.Sprintf("%s (%s left)", word, words.Span(d))
	}
	return word
}
