// Package diagnose walks the troubleshooting guide from top to bottom by
// itself: it looks at this computer, at the network, at the iPhone and at the
// database, and ends in one verdict with one remedy.
//
// It is data: [Run] gives a list of checks, each with a verdict, a sentence
// and, where something is wrong, the condition's code and remedy. The command
// line and the menu show it. What it says can be posted in public: see
// [Options.Names].
package diagnose

import (
	"context"
	"slices"
	"sync"
	"time"

	"healthsync/app/config"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/trust"
	"healthsync/sync/phone"
)

// Verdict is the outcome of a check.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warn    Verdict = "warn" // works, and will not for ever, or could be better
	Fail    Verdict = "fail"
	Skipped Verdict = "skipped" // does not apply, or could not be looked at
)

// The names of the checks, in the order of the walk. They are stable.
const (
	Program      = "program"
	System       = "system"
	Settings     = "settings"
	Pairing      = "pairing"
	Keychain     = "keychain"
	Interfaces   = "interfaces"
	LocalNetwork = "local-network"
	Bonjour      = "bonjour"
	Address      = "address"
	TCP          = "tcp"
	TLS          = "tls"
	ServerCert   = "server-certificate"
	ClientCert   = "client-certificate"
	CACert       = "ca-certificate"
	Clocks       = "clocks"
	Token        = "token"
	Answer       = "answer"
	Unlocked     = "unlocked"
	Types        = "types"
	Disk         = "disk"
	Database     = "database"
	LastSync     = "last-sync"
)

var titles = []struct{ id, title string }{
	{Program, "Program"}, {System, "System"}, {Settings, "Settings"}, {Pairing, "Pairing"}, {Keychain, "Keychain"},
	{Interfaces, "Interfaces"}, {LocalNetwork, "Local network"}, {Bonjour, "Bonjour"}, {Address, "Address"},
	{TCP, "TCP"}, {TLS, "TLS"},
	{ServerCert, "iPhone certificate"}, {ClientCert, "Own certificate"}, {CACert, "CA certificate"}, {Clocks, "Clocks"},
	{Token, "Token"},
	{Answer, "iPhone answers"}, {Unlocked, "iPhone unlocked"}, {Types, "Types shared"},
	{Disk, "Disk"}, {Database, "Database"}, {LastSync, "Last sync"},
}

// Check is one look at one thing.
type Check struct {
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Verdict Verdict `json:"verdict"`
	// Sentence says what was found, without a full stop.
	Sentence string `json:"sentence"`
	// Detail says more; it may have several lines.
	Detail string `json:"detail,omitempty"`
	// Code is the condition's, where there is one.
	Code   problem.Code    `json:"code,omitempty"`
	Remedy *problem.Remedy `json:"remedy,omitempty"`
}

// Report is the whole walk.
type Report struct {
	At time.Time `json:"at"`
	// Verdict is that of the worst check; Code, Sentence, Detail and Remedy are
	// those of the root cause.
	Verdict  Verdict         `json:"verdict"`
	Code     problem.Code    `json:"code,omitempty"`
	Sentence string          `json:"sentence"`
	Detail   string          `json:"detail,omitempty"`
	Remedy   *problem.Remedy `json:"remedy,omitempty"`
	// Also are the checks that found something of their own beside the root cause.
	Also   []string `json:"also,omitempty"`
	Checks []Check  `json:"checks"`
}

// Find gives the check of that name, nil if there is none.
func (r *Report) Find(id string) *Check {
	for i := range r.Checks {
		if r.Checks[i].ID == id {
			return &r.Checks[i]
		}
	}
	return nil
}

// Err is the root cause as a condition, nil unless something fails.
func (r *Report) Err() *problem.Error {
	if r.Verdict != Fail {
		return nil
	}
	e := problem.New(r.Code, r.Detail, nil)
	e.Sentence = r.Sentence
	if r.Remedy != nil {
		e.Remedy = *r.Remedy
	}
	return e
}

// Options of a walk.
type Options struct {
	// Program names this program and its version.
	Program string
	Link    pairing.LinkOptions
	// Finder listens to Bonjour; nil leaves that out.
	Finder pairing.Finder
	// Listen is how long to listen where the paired iPhone is not heard; 0
	// means 5 seconds.
	Listen time.Duration
	// Names lets the names of devices into the report. Without it the report
	// holds no address but those of local networks, no device's name, no name of
	// a user, no secret and no health value.
	Names bool
	// Home is the user's home folder, which is shortened to ~.
	Home string
	// SettingsErr is why the settings could not be read, nil if they could.
	SettingsErr error
	// CheckTime bounds the check of the database; 0 means 5 seconds, negative
	// that it is not bounded.
	CheckTime time.Duration
	// Slow is from when on a connection is; 0 means the guide's 100
	// milliseconds.
	Slow time.Duration
	// Platform is for tests: runtime.GOOS where it is "".
	Platform string
}

// Why several checks at once are skipped.
const (
	noPairing = "There is no pairing"
	notAsked  = "The iPhone could not be asked"
)

const (
	defaultListen    = 5 * time.Second
	defaultCheckTime = 5 * time.Second
	defaultSlow      = 100 * time.Millisecond
	// dialTimeout is shorter than that of a command that has work to do: an
	// iPhone in the same room answers within a fraction of it.
	dialTimeout = 5 * time.Second
	// budgetWait bounds the wait for the iPhone's budget of requests.
	budgetWait = 3 * time.Second
)

// walk is one walk on its way. Its checks are written by one goroutine, but for
// those that [walk.aside] runs.
type walk struct {
	s      *pairing.Computer
	config config.Config // as it was before anything was followed
	o      Options
	now    time.Time

	mu     sync.Mutex
	checks map[string]Check

	record *pairing.Record // nil if there is none
	certs  pairing.Certificates
	// link asks, ear compares with what is heard; both are nil if there is no
	// pairing or it cannot be opened. They are two because a link belongs to one
	// goroutine.
	link, ear *pairing.Link
	// What was found where the iPhone is thought to be.
	place    pairing.Place
	movedTo  *pairing.Place
	unkept   error // why that cannot be written down
	observed *trust.Report
	seenErr  error
	// What the paired iPhone answered.
	reached bool
	status  phone.Status
	askErr  error

	heard    []pairing.Seen
	heardErr error
	names    []string // of devices, to be kept out
}

// Run walks. It changes nothing but what a verified iPhone tells of itself, as
// every command does: an iPhone that moved is followed.
func Run(ctx context.Context, s *pairing.Computer, o Options) *Report {
	if o.Link.Timeout == 0 {
		o.Link.Timeout = dialTimeout
	}
	if o.Link.WaitLimit == 0 {
		o.Link.WaitLimit = budgetWait
	}
	if o.Listen == 0 {
		o.Listen = defaultListen
	}
	if o.CheckTime == 0 {
		o.CheckTime = defaultCheckTime
	}
	if o.Slow == 0 {
		o.Slow = defaultSlow
	}
	w := &walk{s: s, config: s.Config, o: o, now: s.Now(), checks: map[string]Check{}}
	var aside sync.WaitGroup
	aside.Go(func() { w.stored(ctx) })

	w.program()
	w.settings()
	w.pairing()
	w.keychain(ctx)
	interfaces := w.interfaces()
	aside.Go(func() { w.listen(ctx) })
	if w.record != nil {
		w.approach(ctx)
	}
	aside.Wait()
	w.weigh()

	w.bonjour()
	w.address(interfaces)
	w.connection()
	w.localNetwork(interfaces)
	w.certificates()
	w.clocks()
	w.token(ctx)
	w.answer()
	w.data(ctx)
	return w.finish()
}

// set writes down a check.
func (w *walk) set(id string, v Verdict, sentence, detail string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checks[id] = Check{Verdict: v, Sentence: sentence, Detail: detail}
}

// condition writes down a check that met a condition: its severity is the
// verdict. A check that fails already keeps its first reason.
func (w *walk) condition(id string, e *problem.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.checks[id].Verdict == Fail {
		return
	}
	v := Fail
	switch e.Severity() {
	case problem.Warning:
		v = Warn
	case problem.Info:
		v = OK
	}
	sentence := e.Sentence
	if e.Note != "" {
		sentence += " (" + e.Note + ")"
	}
	c := Check{Verdict: v, Sentence: sentence, Detail: e.Detail, Code: e.Code}
	if e.Remedy != (problem.Remedy{}) {
		c.Remedy = &e.Remedy
	}
	w.checks[id] = c
}

// failed explains err and writes it down.
func (w *walk) failed(id string, err error) { w.condition(id, problem.From(err, w.now)) }

// warn writes down what is worth a word and is no condition of the table.
func (w *walk) warn(id, sentence, detail string, remedy problem.Remedy) {
	w.set(id, Warn, sentence, detail)
	if remedy == (problem.Remedy{}) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.checks[id]
	c.Remedy = &remedy
	w.checks[id] = c
}

// lower makes a failure a warning.
func (w *walk) lower(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.checks[id]
	c.Verdict = Warn
	w.checks[id] = c
}

func (w *walk) done(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks[id].Verdict != ""
}

func (w *walk) failing(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks[id].Verdict == Fail
}

// finish puts the checks in order, finds the root cause, and takes out what is
// not for the public.
func (w *walk) finish() *Report {
	r := &Report{At: w.now.UTC().Truncate(time.Second)}
	clean := w.redactor()
	for _, t := range titles {
		c, ok := w.checks[t.id]
		if !ok && t.id == LocalNetwork {
			continue
		}
		if !ok {
			c = Check{Verdict: Skipped, Sentence: "Not looked at"}
		}
		c.ID, c.Title = t.id, t.title
		c.Sentence, c.Detail = clean(c.Sentence), clean(c.Detail)
		if c.Remedy != nil {
			remedy := *c.Remedy
			remedy.Text, remedy.Command = clean(remedy.Text), clean(remedy.Command)
			if remedy.Command == "healthsync diagnose" {
				remedy.Command = "" // it was typed just now
			}
			c.Remedy = &remedy
		}
		r.Checks = append(r.Checks, c)
	}
	r.conclude()
	return r
}

// conclude finds the one verdict: the first check on the way that fails and is
// no consequence of another, else the first that warns.
func (r *Report) conclude() {
	r.Verdict, r.Sentence = OK, "Everything works"
	var found []problem.JSON
	for _, c := range r.Checks {
		if c.Code != "" && (c.Verdict == Fail || c.Verdict == Warn) {
			found = append(found, problem.JSON{Code: c.Code})
		}
	}
	roots := problem.RootCauses(found)
	for _, v := range []Verdict{Fail, Warn} {
		for _, c := range r.Checks {
			if c.Verdict != v || c.Code != "" && !slices.ContainsFunc(roots,
				func(root problem.JSON) bool { return root.Code == c.Code }) {
				continue
			}
			if r.Verdict == OK {
				r.Verdict, r.Code, r.Sentence, r.Detail, r.Remedy = v, c.Code, c.Sentence, c.Detail, c.Remedy
				if c.Code == "" {
					r.Sentence = c.Title + ": " + c.Sentence
				}
				continue
			}
			if c.Code == "" || c.Code != r.Code {
				r.Also = append(r.Also, c.ID)
			}
		}
	}
	if r.Verdict == OK && r.Find(Pairing).Verdict != OK {
		r.Sentence = "Nothing is wrong, as far as it could be looked at"
	}
}
