package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/pki/trust"
	"healthsync/sync/phone"
)

// linkFlags are the flags of every command that talks to the iPhone.
type linkFlags struct {
	host     string
	port     int
	timeout  time.Duration
	debugTLS bool
	verbose  bool
	unpaced  bool

	keyLog io.WriteCloser
	// waiting, where it is set, shows a wait for the iPhone's limit in place of a
	// line.
	waiting func(time.Duration)
}

func (l *linkFlags) addFlags(f *pflag.FlagSet) {
	f.StringVar(&l.host, "host", "", "ask at this address, this once")
	numberVar(f, &l.port, "port", 0, 1, maxPort, "ask at this port, this once")
	spanVar(f, &l.timeout, "timeout", 0, "ms", "how long the iPhone may keep silent: like 30s, or milliseconds")
	f.BoolVar(&l.debugTLS, "debug-tls", false,
		"print what happens in TLS: addresses, versions, certificates, alerts, times")
	f.BoolVar(&l.verbose, "verbose", false, "say more on standard error")
	f.BoolVar(&l.unpaced, "no-pacing", false, "do not pace requests (for a simulated iPhone that counts none)")
	_ = f.MarkHidden("no-pacing")
}

// options turns the flags into options of a link.
func (l *linkFlags) options(env *Env) (pairing.LinkOptions, error) {
	o := env.linkOptions()
	o.Host, o.Port, o.Unpaced = l.host, l.port, l.unpaced
	if l.timeout > 0 {
		o.Timeout = l.timeout
	}
	tell := l.waiting
	if tell == nil {
		tell = func(d time.Duration) {
			env.note("the iPhone answers 60 requests a minute; waiting %s ...", d.Round(time.Second))
		}
	}
	o.Waiting = onceAtATime(tell)
	if !l.debugTLS {
		return o, nil
	}
	o.Trace = func(r *trust.Report) { _, _ = r.WriteTo(env.Stderr) }
	if path := env.Getenv("SSLKEYLOGFILE"); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return o, err
		}
		env.note("WARNING: SSLKEYLOGFILE is set: the session keys go to %s. Whoever reads that file can read the health data on the wire. Delete it when you are done.", path)
		l.keyLog, o.KeyLog = f, f
	}
	return o, nil
}

// onceAtATime tells of waits that are worth it, and not of one within another:
// two requests may wait for the same.
func onceAtATime(tell func(time.Duration)) func(time.Duration) {
	var mu sync.Mutex
	var until time.Time
	return func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); d >= time.Second && now.After(until) {
			until = now.Add(d)
			tell(d)
		}
	}
}

// linkOptions are what every command wants: the iPhone is followed, and the
// person is told.
func (e *Env) linkOptions() pairing.LinkOptions {
	return pairing.LinkOptions{
		NoSearch: e.Getenv("HEALTHSYNC_BONJOUR") == "off" && e.Finder == nil,
		Finder:   e.Finder,
		Moved: func(from, to pairing.Place) {
			e.note("the iPhone moved from %s to %s; it was verified and followed [HOST_CHANGED]", from, to)
		},
		Unkept: func(what string, err error) {
			e.note("note: the iPhone's %s cannot be remembered, and holds for this run only: %v", what, err)
		},
	}
}

// reach opens the pairing and asks the iPhone how it is.
func (e *Env) reach(ctx context.Context, l *linkFlags) (*pairing.Link, phone.Status, error) {
	s, err := e.computer()
	if err != nil {
		return nil, phone.Status{}, err
	}
	o, err := l.options(e)
	if err != nil {
		return nil, phone.Status{}, err
	}
	link, err := s.Link(ctx, o)
	if err != nil {
		return nil, phone.Status{}, err
	}
	st, err := link.Reach(ctx)
	return link, st, err
}

func hostPort(host string, port int) string {
	if host == "" {
		return "unknown"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}

// logger gives the log of this run.
func (e *Env) logger(p config.Paths) *slog.Logger {
	if e.log == nil {
		f := files.NewLog(p.LogFile())
		e.log, e.logFile = f.Logger(), f
	}
	return e.log
}

func (e *Env) closeLog() {
	if e.logFile != nil {
		_ = e.logFile.Close()
	}
}
