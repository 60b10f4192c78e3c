package pairing

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"healthsync/pki/trust"
	"healthsync/sync/phone"
)

// LinkOptions say how to reach the iPhone this once.
type LinkOptions struct {
	// Host and Port override where it is thought to be.
	Host string
	Port int
	// Timeout is how long the iPhone may keep silent; 0 is the usual time.
	Timeout time.Duration
	// WaitLimit is phone.Config's.
	WaitLimit time.Duration
	// Waiting is called before a call sleeps for the request budget.
	Waiting func(time.Duration)
	// Unpaced sends requests as fast as they are answered: only for a simulated
	// iPhone that counts none.
	Unpaced bool
	// Trace is given the report of every dial, failed ones included.
	Trace func(*trust.Report)
	// KeyLog, where it is not nil, is given the keys of every connection in
	// NSS format. They allow one to read the health data on the wire.
	KeyLog io.Writer
	// NoSearch leaves Bonjour alone: an iPhone that is not where it was is not
	// looked for.
	NoSearch bool
	// Finder listens for the iPhone elsewhere; nil means a bonjour.Browser.
	Finder Finder
	// Moved is called when the iPhone was found elsewhere and followed.
	Moved func(from, to Place)
	// Unkept is called once for a link when something new about the iPhone (what)
	// could not be written down and holds for this link only.
	Unkept func(what string, err error)
}

// Link is a paired iPhone, ready to be asked.
type Link struct {
	*phone.Client
	Record *Record
	// Host and Port are where it is asked.
	Host string
	Port int

	dialer   *trust.Dialer
	computer *Computer
	options  LinkOptions
	token    func(context.Context) (string, error)
	moved    func(from, to Place)
	// fixed is set where the person named the address: it is not left.
	fixed bool
	// unkept is why the record could not be written, unkeptSaid whether that was
	// reported.
	unkept     error
	unkeptSaid bool
}

// Where gives the address that is tried first: an explicit one, the setting,
// or where the iPhone was when it was paired or last followed.
func (s *Computer) Where(r *Record, o LinkOptions) (host string, port int) {
	host, port = r.Host, r.Port
	if s.Config.Server.Host != "" {
		host = s.Config.Server.Host
	}
	if s.Config.Server.Port != 0 {
		port = s.Config.Server.Port
	}
	if o.Host != "" {
		host = o.Host
	}
	if o.Port != 0 {
		port = o.Port
	}
	return host, port
}

// Link makes a client of the paired iPhone. It does not connect.
func (s *Computer) Link(ctx context.Context, o LinkOptions) (*Link, error) {
	r, err := s.Record()
	if err != nil {
		return nil, err
	}
	t, err := s.trust(ctx, r)
	if err != nil {
		return nil, err
	}
	host, port := s.Where(r, o)
	l := &Link{
		Record: r, Host: host, Port: port, computer: s, options: o, moved: o.Moved,
		dialer: s.dialer(t, o, s.verified(r)),
		fixed:  o.NoSearch || o.Host != "" || o.Port != 0,
		token:  func(ctx context.Context) (string, error) { return s.token(ctx, r) },
	}
	return l, l.connect()
}

// dialer makes one that tells verified of each connection on which the iPhone
// has proved to be itself.
func (s *Computer) dialer(t *trust.Trust, o LinkOptions, verified func(*trust.Report)) *trust.Dialer {
	return &trust.Dialer{Trust: t, Now: s.Now, Timeout: o.Timeout, KeyLog: o.KeyLog, Resolver: resolver(),
		Trace: func(r *trust.Report) {
			if r.Failure == nil && verified != nil {
				verified(r)
			}
			if o.Trace != nil {
				o.Trace(r)
			}
		}}
}

func (s *Computer) clientConfig(protocol int, host string, port int, d *trust.Dialer, o LinkOptions,
	token func(context.Context) (string, error)) phone.Config {
	conf := phone.Config{
		Version: protocol, Host: host, Port: port, Dialer: d, Token: token,
		Timeout: o.Timeout, WaitLimit: o.WaitLimit, Waiting: o.Waiting, Now: s.Now, UserAgent: "healthsync",
	}
	if o.Unpaced {
		conf.Pacer = phone.Unpaced()
	}
	return conf
}

// Explain adds to an error of the link what only the pairing knows: that a
// token was refused because its time is over, that this Mac was revoked.
func (l *Link) Explain(err error) error {
	var rejected *phone.TokenRejectedError
	if errors.As(err, &rejected) && !l.Record.TokenExpiresAt.IsZero() &&
		l.computer.Now().After(l.Record.TokenExpiresAt) {
		return &TokenExpiredError{At: l.Record.TokenExpiresAt, Err: err}
	}
	var f *trust.Failure
	if errors.As(err, &f) && f.Kind == trust.Revoked && l.Record.Revoked.IsZero() {
		if r, uerr := updateRecord(l.computer.Paths, l.Record.ID,
			func(r *Record) { r.Revoked = l.computer.Now() }); uerr == nil {
			l.Record = r
		}
	}
	return err
}

// Seen notes what a verified connection showed: the iPhone's name and its
// certificate, which a version 2 iPhone issues anew when its address changes.
func (l *Link) Seen(name string, report *trust.Report) error {
	cert := report.ServerCert()
	r := l.Record
	same := cert == nil || string(cert.Raw) == string(r.Server)
	if same && (name == "" || name == r.Name) && r.Revoked.IsZero() {
		return nil
	}
	err := l.note(func(r *Record) {
		r.Revoked = time.Time{}
		if name != "" {
			r.Name = name
		}
		if !same {
			r.Server = cert.Raw
		}
	})
	l.tellUnkept("name or certificate")
	return err
}

// note changes the record. Where it cannot be written (a folder that is read
// only, a full disk), only this link's: what a verified iPhone shows is true all
// the same, and a reader need not be able to write.
func (l *Link) note(change func(*Record)) error {
	r, err := updateRecord(l.computer.Paths, l.Record.ID, change)
	if unwritable(err) {
		own := *l.Record
		change(&own)
		l.unkept, r, err = err, &own, nil
	}
	if err == nil {
		l.Record = r
	}
	return err
}

// tellUnkept says once that something new could not be written down.
func (l *Link) tellUnkept(what string) {
	if l.unkept == nil || l.unkeptSaid {
		return
	}
	l.unkeptSaid = true
	l.computer.Log.Warn("cannot be recorded of the iPhone", "what", what, "err", l.unkept)
	if l.options.Unkept != nil {
		l.options.Unkept(what, l.unkept)
	}
}

// unwritable reports an error of the file system in writing, which says nothing
// against what was to be written.
func unwritable(err error) bool {
	var unread *RecordError
	return !errors.As(err, &unread) && (errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError)))
}
