package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki"
)

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
			s, err := env.computer()
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

func certsToExport(ctx context.Context, s *pairing.Computer, client, server, ca,
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
			s, err := env.computer()
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
