package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/files"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki/pairingcode"
	"healthsync/sync/appleexport"
	"healthsync/sync/bonjour"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
)

type simulateOptions struct {
	simulator.Options
	plan       simulator.Plan
	history    string // how much of it
	types      []string
	export     string
	listen     string
	host       string
	qrFile     string
	noQR       bool
	listFaults bool
	locked     bool
	announce   bool
}

func newSimulateCommand(env *Env) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Be an iPhone: for trying things out without one",
		Long: `Behaves as an iPhone with iOS Health Sync does: shows a QR code (in the terminal
and as a picture), pairs, and serves a made-up history, or that of an Apple Health
export. It listens on this computer only, unless --listen says otherwise.

While it runs it takes commands, one a line: code (a new QR code), lock, unlock,
stop, start (sharing, at a new port), fault NAME, heal, revoke, meters, quit.`,
		Example: `  healthsync simulate --history 5y --qr-file code.png
  healthsync simulate --protocol 1 --export ~/Downloads/export.zip
  healthsync simulate --fault expired-server-cert
  healthsync simulate --list-faults`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.listFaults {
				return env.printFaults()
			}
			return runSimulate(cmd.Context(), env, &o)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *simulateOptions) addFlags(f *pflag.FlagSet) {
	numberVar(f, &o.Protocol, "protocol", 2, 1, 2,
		"1 (pinned certificate and token, as the app in the store) or 2 (mutual TLS)")
	f.StringVar(&o.history, "history", "1y", "how much history to make up: like 30d, 6m, 5y")
	numberVar(f, &o.plan.Samples, "samples", 0, 1, 0, "make up exactly so many samples over the history")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "whose history: the same number gives the same person")
	f.StringSliceVar(&o.types, "types", nil, "share only these types")
	f.StringVar(&o.export, "export", "", "serve an Apple Health export (export.zip or export.xml) instead")
	f.StringVar(&o.DeviceName, "name", simulator.DefaultName, "the iPhone's name")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "where to listen; port 0 is any free one, as the app does")
	f.StringVar(&o.host, "host", "", "the address to put into the QR code (default: where it listens, or one that others can reach)")
	f.StringVar(&o.qrFile, "qr-file", "", "write the QR code to this PNG file")
	f.BoolVar(&o.noQR, "no-qr", false, "do not draw the QR code in the terminal")
	f.StringVar(&o.Dir, "dir", "", "keep identity and pairings in this folder, so that they outlive a restart")
	f.StringArrayVar(&o.Faults, "fault", nil, "misbehave: see --list-faults; may be given several times")
	f.BoolVar(&o.listFaults, "list-faults", false, "list the faults and end")
	f.BoolVar(&o.NoRateLimit, "no-rate-limit", false,
		"answer any number of requests a minute (sync --no-pacing asks as many)")
	f.BoolVar(&o.locked, "locked", false, "start with the screen locked")
	spanVar(f, &o.Latency, "latency", 0, "", "wait so long before each answer")
	f.BoolVar(&o.announce, "announce", true, "announce by Bonjour")
}

func (e *Env) printFaults() error {
	if e.JSON {
		return e.printJSON(fields{"faults": simulator.Faults()})
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range simulator.Faults() {
		name := f.Name
		if f.Arg != "" {
			name += ":" + f.Arg
		}
		fmt.Fprintf(w, "%s\t%s\n", name, f.What)
	}
	return w.Flush()
}

// session is a running simulated iPhone with a person, or a script, before it.
type session struct {
	env   *Env
	o     *simulateOptions
	phone *simulator.Phone
	stop  func() // ends the announcement
}

func runSimulate(ctx context.Context, env *Env, o *simulateOptions) error {
	var err error
	if o.Types, err = resolveTypes(o.types); err != nil {
		return err
	}
	if o.History, err = o.load(ctx, env); err != nil {
		return err
	}
	o.Now = env.Now
	p, err := simulator.New(o.Options)
	if err != nil {
		return simulatorError(err)
	}
	p.SetLocked(o.locked)
	s := &session{env: env, o: o, phone: p}
	if err := s.share(o.listen); err != nil {
		return cannotListen(o.listen, err)
	}
	defer s.unshare()
	n := 0
	for _, t := range o.History.Types() {
		n += o.History.Len(t)
	}
	s.tell("sharing", fields{"name": p.Name(), "host": s.host(), "port": p.Port(), "samples": n},
		"%s shares %s at %s (protocol %d).",
		printable(p.Name()), words.Plural(n, "sample"), hostPort(s.host(), p.Port()), p.Protocol())
	if err := s.showCode(); err != nil {
		return err
	}
	err = s.listen(ctx)
	m := p.Meters()
	s.tell("meters", fields{"meters": m}, "%s", metersLine(m))
	return err
}

// simulatorError makes a wrong flag of a wrong fault.
func simulatorError(err error) error {
	var fault *simulator.FaultError
	if errors.As(err, &fault) {
		return usageError(fmt.Sprintf("--fault %s: %s.", fault.Fault, fault.Reason),
			"healthsync simulate --list-faults")
	}
	return err
}

// load reads the export or makes a history up.
func (o *simulateOptions) load(ctx context.Context, env *Env) (*simulator.History, error) {
	if o.export != "" {
		return loadExport(ctx, env, o.export)
	}
	var err error
	if o.plan.From, err = historyStart(o.history, env.Now()); err != nil {
		return nil, err
	}
	o.plan.To, o.plan.Types, o.plan.Location = env.Now(), o.Types, time.Local
	return simulator.Generate(o.plan)
}

func loadExport(ctx context.Context, env *Env, path string) (*simulator.History, error) {
	f, err := appleexport.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it is only read
	var samples []health.Sample
	sum, err := appleexport.Read(ctx, f, func(r *appleexport.Record) error {
		samples = append(samples, r.Sample)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var skipped int64
	for _, n := range sum.Skipped {
		skipped += n
	}
	if skipped > 0 {
		env.note("%s of types that the iPhone app does not serve were left out", words.Plural(skipped, "record"))
	}
	return simulator.NewHistory(samples...), nil
}

// historyStart reads how far back to go: 30d, 6m, 5y.
func historyStart(s string, now time.Time) (time.Time, error) {
	bad := usageError(fmt.Sprintf("--history %q: it takes a number of days, months or years, like 30d, 6m or 5y.", s),
		"")
	units := map[string][3]int{"d": {0, 0, 1}, "m": {0, 1, 0}, "y": {1, 0, 0}}
	unit, ok := units[s[max(len(s)-1, 0):]]
	n, err := strconv.Atoi(s[:max(len(s)-1, 0)])
	if !ok || err != nil || n < 1 || n > 36500 {
		return now, bad
	}
	return now.AddDate(-n*unit[0], -n*unit[1], -n*unit[2]), nil
}

func (s *session) share(addr string) error {
	if err := s.phone.Start(addr); err != nil {
		return err
	}
	if !s.o.announce {
		return nil
	}
	p := s.phone
	a, err := bonjour.Announce(bonjour.Announcement{Name: p.Name(), Host: p.LocalName(), Port: p.Port(),
		Addrs: p.Addrs()})
	if err != nil {
		s.env.note("not announced by Bonjour: %v", err)
		return nil
	}
	s.stop = a.Close
	return nil
}

// cannotListen says why --listen cannot be used.
func cannotListen(addr string, err error) error {
	var at *net.OpError
	if !errors.As(err, &at) {
		return err
	}
	return usageError(fmt.Sprintf("--listen %s: %v.", addr, at.Err), "healthsync simulate --listen 127.0.0.1:0")
}

func (s *session) unshare() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	s.phone.Stop()
}

// host is what goes into the QR code.
func (s *session) host() string {
	return cmp.Or(s.o.host, s.phone.Host())
}

// showCode opens a pairing and shows its QR code.
func (s *session) showCode() error {
	p, err := s.phone.Payload(s.host())
	if err != nil {
		return err
	}
	if s.o.qrFile != "" {
		png, err := pairingcode.EncodePNG(p, 8)
		if err != nil {
			return err
		}
		if err := files.WriteAtomic(s.o.qrFile, png); err != nil {
			return err
		}
	}
	if s.env.JSON {
		s.tell("code", fields{"payload": json.RawMessage(p.JSON())}.with("qrFile", s.o.qrFile, s.o.qrFile != ""), "")
		return nil
	}
	if !s.o.noQR && s.env.OutTTY {
		art, err := pairingcode.Terminal(p)
		if err != nil {
			return err
		}
		s.env.printf("%s", art)
	}
	s.env.printf("Pairing code, good until %s:\n%s\n", p.ExpiresAt.Local().Format("15:04:05"), p.JSON())
	if s.o.qrFile != "" {
		s.env.printf("As a picture: %s\n", s.o.qrFile)
	}
	return nil
}

// listen obeys commands until it is told to quit or ctx ends. The end of
// standard input is no command: a simulated iPhone in the background has none.
func (s *session) listen(ctx context.Context) error {
	lines := make(chan string)
	go func() {
		sc := bufio.NewScanner(s.env.Stdin)
		for sc.Scan() {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line := <-lines:
			quit, err := s.obey(ctx, strings.Fields(line))
			if err != nil {
				s.tell("error", fields{"error": problem.From(err, s.env.Now()).Detail}, "%v", err)
			}
			if quit {
				return nil
			}
		}
	}
}

func (s *session) obey(ctx context.Context, words []string) (quit bool, err error) {
	if len(words) == 0 {
		return false, nil
	}
	done := func() { s.tell(words[0], fields{}.with("faults", s.o.Faults, s.o.Faults != nil), "%s: done", words[0]) }
	switch words[0] {
	case "code":
		return false, s.showCode()
	case "lock", "unlock":
		s.phone.SetLocked(words[0] == "lock")
	case "stop":
		s.unshare()
	case "start":
		// The app takes any free port each time sharing starts.
		host, _, err := net.SplitHostPort(s.o.listen)
		if err == nil {
			err = s.share(net.JoinHostPort(host, "0"))
		}
		if err != nil {
			return false, err
		}
		s.tell("sharing", fields{"name": s.phone.Name(), "host": s.host(), "port": s.phone.Port()}, "shares at %s",
			hostPort(s.host(), s.phone.Port()))
		return false, nil
	case "fault":
		all := slices.Concat(s.o.Faults, words[1:])
		if err := s.phone.SetFaults(all...); err != nil {
			return false, simulatorError(err)
		}
		s.o.Faults = all
	case "heal":
		s.o.Faults = nil
		if err := s.phone.SetFaults(); err != nil {
			return false, err
		}
	case "revoke":
		if err := s.phone.Revoke(); err != nil {
			return false, err
		}
	case "meters":
		m := s.phone.Meters()
		s.tell("meters", fields{"meters": m}, "%s", metersLine(m))
		return false, nil
	case "quit":
		return true, nil
	default:
		return false, fmt.Errorf("%q is not a command; there are code, lock, unlock, stop, start, fault, heal, revoke, meters, quit", words[0])
	}
	done()
	return false, nil
}

// tell says what happened: a line, or with --json an object.
func (s *session) tell(event string, f fields, format string, args ...any) {
	if !s.env.JSON {
		s.env.printf(format+"\n", args...)
		return
	}
	f["event"] = event
	_ = s.env.printEvent(f) // the writer keeps its error
}

func metersLine(m simulator.Meters) string {
	return fmt.Sprintf("%s (%d for samples), %s read, %s served, %.1f MB sent.",
		words.Plural(m.Requests, "request"), m.Data, words.Plural(m.SamplesRead, "sample"),
		words.Plural(m.SamplesServed, "sample"), float64(m.Bytes)/1e6)
}
