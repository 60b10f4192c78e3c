package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
			return runCertInfo(cmd.Context(), env, chosen{client || all, server || all, ca || all, all})
		},
	}
	cmd.Flags().BoolVar(&client, "client", false, "this computer's certificate")
	cmd.Flags().BoolVar(&server, "server", false, "the iPhone's certificate")
	cmd.Flags().BoolVar(&ca, "ca", false, "the CA's certificate")
	return cmd
}

type chosen struct{ client, server, ca, all bool }

// certInfo is everything there is to show; nil for what does not exist in this
// kind of pairing.
type certInfo struct {
	Paired   bool      `json:"paired"`
	Protocol int       `json:"protocol,omitempty"`
	Client   *pki.Info `json:"client,omitempty"`
	Server   *pki.Info `json:"server,omitempty"`
	CA       *pki.Info `json:"ca,omitempty"`
	Token    *struct {
		Status   string    `json:"status"`
		NotAfter time.Time `json:"notAfter"`
		DaysLeft int       `json:"daysLeft"`
	} `json:"token,omitempty"`
}

func runCertInfo(ctx context.Context, env *Env, want chosen) error {
	s, err := env.station()
	if err != nil {
		return err
	}
	info, err := gatherCerts(ctx, s, want)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.printJSON(info)
	}
	env.printCerts(info, want)
	return nil
}

func gatherCerts(ctx context.Context, s *pairing.Station, want chosen) (certInfo, error) {
	now := s.Now()
	r, err := s.Record()
	if errors.Is(err, pairing.ErrNotPaired) {
		nothing := pki.Inspect(nil, now, pki.InspectOptions{})
		return certInfo{Client: pick(want.client, nothing), Server: pick(want.server, nothing),
			CA: pick(want.ca, nothing)}, nil
	}
	if err != nil {
		return certInfo{}, err
	}
	out := certInfo{Paired: true, Protocol: r.Protocol}
	server, err := r.ServerCertificate()
	if err != nil {
		return out, err
	}
	if r.Protocol == 1 {
		out.Server = pick(want.server, pki.Inspect(server, now, pki.InspectOptions{Pinned: true}))
		if want.all {
			out.Token = &struct {
				Status   string    `json:"status"`
				NotAfter time.Time `json:"notAfter"`
				DaysLeft int       `json:"daysLeft"`
			}{"Valid", r.TokenExpiresAt, pki.DaysLeft(r.TokenExpiresAt, now)}
			if now.After(r.TokenExpiresAt) {
				out.Token.Status = "Expired"
			}
		}
		return out, nil
	}
	certs, err := s.Certificates(ctx, r)
	if err != nil {
		return out, err
	}
	ca := pki.Inspect(certs.CA, now, pki.InspectOptions{Issuer: certs.CA})
	if certs.CA != nil && !r.CA.Equal(pki.FingerprintOf(certs.CA)) {
		ca.Status = pki.StatusUntrusted
	}
	out.Client = pick(want.client, pki.Inspect(certs.Client, now,
		pki.InspectOptions{Issuer: certs.CA, Revoked: !r.Revoked.IsZero()}))
	out.Server = pick(want.server, pki.Inspect(server, now, pki.InspectOptions{Issuer: certs.CA}))
	out.CA = pick(want.ca, ca)
	return out, nil
}

func pick(wanted bool, i pki.Info) *pki.Info {
	if !wanted {
		return nil
	}
	return &i
}

// printCerts writes the user guide's "Healthy output", word for word where all
// is well.
func (e *Env) printCerts(c certInfo, want chosen) {
	first := true
	section := func(title string, i *pki.Info, withIssuer bool) {
		if i == nil {
			return
		}
		if !first {
			e.printf("\n")
		}
		first = false
		e.printf("%s:\n", title)
		if i.Status != pki.StatusMissing {
			e.printf("  Subject: %s\n", printable(i.Subject))
			if withIssuer {
				e.printf("  Issuer: %s\n", printable(i.Issuer))
			}
			e.printf("  Valid: %s to %s\n", words.ISODay(i.NotBefore), words.ISODay(i.NotAfter))
		}
		e.printf("  Status: %s\n", statusWords(i, e.Now()))
		if !want.all && i.Status != pki.StatusMissing {
			e.printf("  Fingerprint: %s\n", i.Fingerprint)
		}
	}
	if c.Protocol == 1 {
		section("Server Certificate (pinned)", c.Server, true)
		if c.Token != nil {
			e.printf("\nToken:\n  Valid: until %s\n  Status: %s\n", words.ISODay(c.Token.NotAfter),
				left(c.Token.Status, c.Token.NotAfter, e.Now()))
		}
		if !first {
			e.printf("\n")
		}
		e.printf("This iPhone app pairs by a pinned certificate and a token (protocol 1): there is no\nclient certificate and no CA. Its certificate is trusted by its fingerprint; its dates\nare not enforced.\n")
		return
	}
	section("Client Certificate", c.Client, true)
	section("Server Certificate (cached)", c.Server, true)
	section("CA Certificate", c.CA, false)
	missing := func(i *pki.Info) bool { return i != nil && i.Status == pki.StatusMissing }
	if !c.Paired || missing(c.Client) || missing(c.CA) {
		row, _ := problem.Lookup(problem.NotPaired)
		e.printf("\nFix: %s\n", row.Remedy)
	}
}

// statusWords is the status, with the days where they are few or past.
func statusWords(i *pki.Info, now time.Time) string {
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

func newCertExportCommand(env *Env) *cobra.Command {
	var output string
	var client, server, ca, chain, force bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write certificates to a PEM file, never a private key",
		Long: `Writes certificates as PEM: without a flag this computer's (protocol 2) or the
iPhone's pinned one (protocol 1). Private keys are never exported. An existing
file is not replaced without --force. A dash writes to standard output.`,
		Example: "  healthsync cert export --output ~/Desktop/healthsync-cert.pem\n  healthsync cert export --chain --output - | openssl x509 -text -noout",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return usageError("--output is needed: a file, or - for standard output.",
					"healthsync cert export --output healthsync-cert.pem")
			}
			s, err := env.station()
			if err != nil {
				return err
			}
			certs, err := certsToExport(cmd.Context(), s, client, server, ca, chain)
			if err != nil {
				return err
			}
			return env.exportCerts(certs, output, force)
		},
	}
	f := cmd.Flags()
	f.StringVar(&output, "output", "", "the file to write")
	f.BoolVar(&client, "client", false, "this computer's certificate")
	f.BoolVar(&server, "server", false, "the iPhone's certificate")
	f.BoolVar(&ca, "ca", false, "the CA's certificate")
	f.BoolVar(&chain, "chain", false, "this computer's certificate and the CA's")
	f.BoolVar(&force, "force", false, "replace an existing file")
	return cmd
}

func certsToExport(ctx context.Context, s *pairing.Station, client, server, ca,
	chain bool) ([]*x509.Certificate, error) {
	r, err := s.Record()
	if err != nil {
		return nil, err
	}
	pinned, err := r.ServerCertificate()
	if err != nil {
		return nil, err
	}
	none := !client && !server && !ca && !chain
	if r.Protocol == 1 {
		if client || ca || chain {
			e := problem.New(problem.NoClientCertificate,
				"This pairing is of protocol 1: it has the iPhone's pinned certificate only.", nil)
			e.Sentence = "There is no such certificate in this pairing"
			e.Remedy = problem.Remedy{Text: "export that one",
				Command: "healthsync cert export --server --output healthsync-cert.pem"}
			return nil, e
		}
		return []*x509.Certificate{pinned}, nil
	}
	certs, err := s.Certificates(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	if client || chain || none {
		out = append(out, certs.Client)
	}
	if server {
		out = append(out, pinned)
	}
	if ca || chain {
		out = append(out, certs.CA)
	}
	for _, c := range out {
		if c == nil {
			return nil, problem.New(problem.NoClientCertificate, "A certificate of this pairing is missing.", nil)
		}
	}
	return out, nil
}

func (e *Env) exportCerts(certs []*x509.Certificate, output string, force bool) error {
	var buf bytes.Buffer
	var prints []pki.Fingerprint
	for _, c := range certs {
		buf.Write(pki.EncodeCertificate(c))
		prints = append(prints, pki.FingerprintOf(c))
	}
	if output == "-" {
		_, err := e.Stdout.Write(buf.Bytes())
		return err
	}
	if err := e.writeNew(output, buf.Bytes(), force); err != nil {
		return err
	}
	return e.answer(fields{"file": output, "fingerprints": prints},
		"Wrote %s to %s\n", words.Plural(len(certs), "certificate"), output)
}

// writeNew writes a file that must not exist, unless force says so; then it is
// replaced whole.
func (e *Env) writeNew(path string, data []byte, force bool) error {
	if force {
		return e.writeOutput(path, data)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if st, serr := os.Stat(path); errors.Is(err, fs.ErrExist) && serr == nil && !st.Mode().IsRegular() {
		return notAFile(path)
	}
	if errors.Is(err, fs.ErrExist) {
		return problem.New(problem.FileExists, path+" is there already.", err)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// notAFile refuses a folder or a device, which --force does not replace.
func notAFile(path string) error {
	e := problem.New(problem.FileExists, path+" is a folder or a device.", fs.ErrExist)
	e.Remedy = problem.Remedy{Text: "choose another name, or - for standard output"}
	return e
}

func newCertRenewCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "renew",
		Short: "Renew this computer's certificate before it expires (protocol 2)",
		Long: `Asks the iPhone for a new certificate, with a new key, on the strength of the
present one. Until the new one is complete the old one stays in use. A pairing
of protocol 1 has no such certificate: there, pair again.`,
		Example: "  healthsync cert renew", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := env.station()
			if err != nil {
				return err
			}
			r, err := s.Renew(cmd.Context(), env.linkOptions())
			if err != nil {
				return err
			}
			s.Log.Info("certificate renewed", "until", r.Until)
			return env.answer(fields{"renewed": true, "notAfterBefore": r.Before, "notAfter": r.Until},
				"Renewed: the certificate is good until %s (before: %s).\n", words.Day(r.Until), words.Day(r.Before))
		},
	}
}
