package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki"
	"healthsync/pki/pairingcode"
	"healthsync/pki/trust"
)

type pairOptions struct {
	qr, host, code, fingerprint, ca, name string
	port                                  int
	manual                                bool
	token                                 string
}

func newPairCommand(env *Env) *cobra.Command {
	o := pairOptions{}
	cmd := &cobra.Command{
		Use:   "pair",
		Short: "Pair with an iPhone without a picture of its QR code",
		Long: `Pairs this computer with an iPhone by what its QR code says, typed or pasted.
With a picture or the clipboard, use healthsync scan instead.

With --ca-fingerprint the pairing is by mutual TLS (protocol 2), without it by
pinned certificate and token (protocol 1).

With --token, the pairing code is enough: the iPhone is found by Bonjour, and its
certificate's fingerprint is shown. The code is sent only after you have compared
that with the fingerprint on the iPhone (below its QR code), or given it by
--fingerprint. A dash reads the code from standard input.`,
		Example: `  healthsync pair --qr '{"version":"1","host":"192.168.1.20",...}'
  healthsync pair --host 192.168.1.20 --port 51234 --code AbCd2345 --fingerprint 3f9a...
  healthsync pair --token AbCd2345`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPair(cmd.Context(), env, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.qr, "qr", "", "the text of the QR code (JSON)")
	f.StringVar(&o.host, "host", "", "the iPhone's address, as its app shows it")
	numberVar(f, &o.port, "port", 0, 1, maxPort, "the iPhone's port")
	f.StringVar(&o.code, "code", "", "the pairing code of 8 characters")
	f.StringVar(&o.fingerprint, "fingerprint", "", "SHA-256 fingerprint of the iPhone's certificate")
	f.StringVar(&o.ca, "ca-fingerprint", "", "SHA-256 fingerprint of the iPhone's CA (protocol 2)")
	f.StringVar(&o.name, "name", "", "how this computer introduces itself (default: its host name)")
	f.BoolVar(&o.manual, "manual", false, "ask for host, port, code and fingerprint one by one")
	f.StringVar(&o.token, "token", "", "pair by the code alone: finds the iPhone and shows its fingerprint to compare")
	return cmd
}

func runPair(ctx context.Context, env *Env, o *pairOptions) error {
	switch {
	case o.qr != "":
		p, err := pairingcode.ParsePayload(o.qr)
		if err != nil {
			return err
		}
		return pairWith(ctx, env, requestOf(p), o.name)
	case o.token != "":
		return pairByCode(ctx, env, o)
	case o.manual:
		if err := askAll(ctx, env, o); err != nil {
			return err
		}
	}
	req, err := o.request()
	if err == nil {
		err = checkCode(req.Code, env.Now(), "healthsync pair --help")
	}
	if err != nil {
		return err
	}
	return pairWith(ctx, env, req, o.name)
}

// request builds a request from the single flags.
func (o *pairOptions) request() (pairing.Request, error) {
	var absent []string
	for _, f := range []struct{ name, value string }{{"--host", o.host}, {"--code", o.code},
		{"--fingerprint", o.fingerprint}} {
		if f.value == "" {
			absent = append(absent, f.name)
		}
	}
	if o.port == 0 {
		absent = append(absent, "--port")
	}
	if len(absent) > 0 {
		e := usageError("Missing: "+strings.Join(absent, ", ")+".", "")
		e.Remedy = problem.Remedy{Text: "copy the code in the iPhone app (or take a screenshot of it) and scan it",
			Command: "healthsync scan"}
		return pairing.Request{}, e
	}
	p := pairingcode.Payload{Version: 1, Host: o.host, Port: o.port, Code: o.code}
	var err error
	if p.Leaf, err = pki.ParseFingerprint(o.fingerprint); err != nil {
		return pairing.Request{}, usageError("--fingerprint is "+err.Error()+".", "")
	}
	if o.ca != "" {
		p.Version = 2
		if p.CA, err = pki.ParseFingerprint(o.ca); err != nil {
			return pairing.Request{}, usageError("--ca-fingerprint is "+err.Error()+".", "")
		}
	}
	return requestOf(p), nil
}

func requestOf(p pairingcode.Payload) pairing.Request {
	return pairing.Request{Protocol: p.Version, Host: p.Host, Port: p.Port, Code: p.Code, ExpiresAt: p.ExpiresAt,
		Leaf: p.Leaf, CA: p.CA}
}

// askAll asks a person for what a QR code would have said.
func askAll(ctx context.Context, env *Env, o *pairOptions) error {
	if !env.InTTY || !env.ErrTTY {
		return usageError("--manual asks questions, and there is no one to answer them here.",
			"healthsync pair --host HOST --port PORT --code CODE --fingerprint FINGERPRINT")
	}
	ask := func(question string) (string, error) {
		fmt.Fprintf(env.Stderr, "%s: ", question)
		return readLine(ctx, env.Stdin)
	}
	var err error
	var port string
	for _, q := range []struct {
		question string
		into     *string
	}{{"Address of the iPhone", &o.host}, {"Port", &port}, {"Pairing code", &o.code}, {"Certificate fingerprint",
		&o.fingerprint}, {"CA fingerprint (empty for protocol 1)", &o.ca}} {
		if *q.into != "" {
			continue
		}
		*q.into, err = ask(q.question)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return declined()
		}
	}
	if o.port == 0 {
		if o.port, err = strconv.Atoi(strings.TrimSpace(port)); err != nil || o.port < 1 || o.port > maxPort {
			return usageError(fmt.Sprintf("%q is no port (1 to %d).", port, maxPort), "")
		}
	}
	return nil
}

// pairWith pairs and says what came of it.
func pairWith(ctx context.Context, env *Env, req pairing.Request, name string) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	if req.ClientName = name; name == "" {
		if req.ClientName, err = os.Hostname(); err != nil {
			req.ClientName = "Mac"
		}
	}
	// A .local name is looked up by the dialer, which refuses all that is not local.
	if !strings.HasSuffix(strings.TrimSuffix(strings.ToLower(req.Host), "."), ".local") {
		if _, err := trust.LocalHost(ctx, req.Host); err != nil {
			return err
		}
	}
	if !env.JSON {
		env.note("pairing with %s:%d ...", req.Host, req.Port)
	}
	p, err := s.Pair(ctx, req, env.linkOptions())
	if err != nil {
		s.Log.Warn("pairing failed", "protocol", req.Protocol, "code", problem.From(err, env.Now()).Code)
		return err
	}
	s.Log.Info("paired", "protocol", p.Record.Protocol, "certificate", p.Record.Leaf())
	if p.Leftover != nil {
		env.note("warning: something of the earlier pairing could not be removed: %s",
			problem.From(p.Leftover, env.Now()).Sentence)
	}
	env.noteAddress(p)
	return env.printPaired(p)
}

// noteAddress says that an address of the earlier pairing is still set: every
// command would ask there first.
func (e *Env) noteAddress(p *pairing.Paired) {
	if p.Address == nil {
		return
	}
	w := problem.From(p.Address, e.Now())
	e.note("warning: paired, but the settings could not be written, and the address that was set by hand stays: %s. %s",
		w.Sentence, w.Detail)
	e.note("fix: healthsync config set server.host %s && healthsync config set server.port %d", p.Record.Host,
		p.Record.Port)
}

func (e *Env) printPaired(p *pairing.Paired) error {
	r := p.Record
	until := r.ClientExpiresAt
	if r.Protocol == 1 {
		until = r.TokenExpiresAt
	}
	if e.JSON {
		out := fields{
			"paired": true, "protocol": r.Protocol, "host": r.Host, "port": r.Port, "certificateFingerprint": r.Leaf(),
			"validUntil": until, "replacedEarlierPairing": p.Replaced,
		}.with("device", r.Name, r.Name != "").with("caFingerprint", r.CA, !r.CA.IsZero())
		if p.StatusErr != nil {
			out["warning"] = problem.From(p.StatusErr, e.Now()).JSON()
		}
		return e.printJSON(out)
	}
	e.printf("Paired with %s.\n", deviceName(r.Name))
	if r.Protocol == 1 {
		e.printf("Secure by pinned certificate %s and a token that is good until %s.\n", r.Leaf().Short(),
			words.Day(until))
	} else {
		e.printf("Secure by mutual TLS; certificates are good until %s.\n", words.Day(until))
	}
	if p.StatusErr != nil {
		e.note("warning: paired, but the first question was not answered: %s",
			problem.From(p.StatusErr, e.Now()).Sentence)
	}
	e.printf("Next:  healthsync sync\n")
	return nil
}
