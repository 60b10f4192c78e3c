package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"healthsync/app/agent/control"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/syncjob"
	"healthsync/app/words"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
)

type syncOptions struct {
	link linkFlags
	full bool
	// merge lets another iPhone add to the database.
	merge bool
	// verify reads everything again and says what differed.
	verify bool
	types  []string
	since  string
	wait   time.Duration
}

func newSyncCommand(env *Env) *cobra.Command {
	var o syncOptions
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the local database up to date with the iPhone",
		Long: `Brings the local database up to date: the newest days first, then back through
the whole history. It can be stopped at any moment (Ctrl-C, a locked phone, a lost
network) and carries on where it stopped. What the iPhone no longer has is marked,
never erased.

With --verify everything is read from the iPhone again and compared with what is stored:
differences are fixed and listed by type and day (UTC). If interrupted, it resumes where it stopped, for up to a week. It
ends with 25 where something differed, 0 where nothing did.

The database belongs to the iPhone that filled it. Another iPhone that has nothing
of what is stored is refused: give it a folder of its own with HEALTHSYNC_HOME, or
let it add to this database with --merge, once. What is stored then stays as it is.

With --json it prints one event a line: progress while it runs, then the result.`,
		Example: "  healthsync sync\n  healthsync sync --types steps,heartRate\n  healthsync sync --full\n  healthsync sync --verify",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runSync(cmd.Context(), env, &o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.full, "full", false, "read everything again and compare")
	f.BoolVar(&o.verify, "verify", false, "read everything again and say what differed")
	f.BoolVar(&o.merge, "merge", false, "let another iPhone add to the database")
	f.StringSliceVar(&o.types, "types", nil, "only these types")
	f.StringVar(&o.since, "since", "", "nothing older than this date")
	spanVar(f, &o.wait, "wait", 0, "m", "wait so long (like 90s, or minutes) for a locked or absent iPhone")
	o.link.addFlags(f)
	return cmd
}

func runSync(ctx context.Context, env *Env, o *syncOptions) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	run, err := o.run(env)
	if err != nil {
		return err
	}
	view := newSyncView(env)
	if o.verify {
		run.Verified = func(v engine.Verification) { view.verified = &v }
		view.scope = "Everything"
		set, err := health.ResolveAll(s.Config.Sync.Types)
		if err != nil {
			return err
		}
		if run.Types != nil || run.Since != 0 || !run.AllTypes && set != nil || !s.Config.SyncSince().IsZero() {
			view.scope = "Everything that was asked for"
		}
	}
	run.Again = func(same bool) {
		if same {
			env.note("the iPhone has a new identity and the same data: everything is read again and compared")
			return
		}
		env.note("this iPhone's data is added to what is stored, which stays as it is")
	}
	until := waitUntil(o.wait)
	run.Progress, run.Patient = view.progress, env.patient(until)
	if view.bar != nil {
		o.link.waiting = view.waiting
	}
	run.Reach = func(ctx context.Context) (*pairing.Link, phone.Status, error) {
		return env.reachWaiting(ctx, &o.link, until)
	}
	res, err := syncjob.Run(ctx, s, run)
	var held *files.HeldError
	if !errors.As(err, &held) {
		return view.finish(res, err)
	}
	if !o.plain() {
		return syncBusy(held)
	}
	ended, ferr := env.followApp(ctx, s, view)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ferr != nil:
		return syncBusy(held) // it is no app, or it does not tell
	case ended.Idle: // it has ended just now
		res, err = syncjob.Run(ctx, s, run)
		if errors.As(err, &held) {
			return syncBusy(held)
		}
		return view.finish(res, err)
	case ended.Error != nil:
		return view.finish(ended.Result, ended.Error.Error())
	}
	return view.finish(ended.Result, nil)
}

// plain reports a sync that wants what every sync does.
func (o *syncOptions) plain() bool {
	return !o.full && !o.verify && !o.merge && len(o.types) == 0 && o.since == "" && o.link.host == "" &&
		o.link.port == 0
}

// followApp shows the sync that the menu-bar app is busy with.
func (e *Env) followApp(ctx context.Context, s *pairing.Computer, view *syncView) (control.Ended, error) {
	said := false
	return control.FollowSync(ctx, control.Path(s.Paths), func(p engine.Progress) {
		if !said {
			e.note("the menu-bar app is syncing already; following it, the newest days come next")
			said = true
		}
		view.progress(p)
	})
}

// run turns the flags into a sync.
func (o *syncOptions) run(env *Env) (syncjob.Options, error) {
	run := syncjob.Options{Holder: "healthsync sync", Full: o.full, Merge: o.merge}
	run.Link.Unpaced = o.link.unpaced
	var err error
	if run.Types, err = resolveTypes(o.types); err != nil {
		return run, err
	}
	run.AllTypes = len(o.types) > 0 && run.Types == nil
	if o.since == "" {
		return run, nil
	}
	begin, _, err := parseDate("--since", o.since, env.Now())
	if err != nil {
		return run, err
	}
	if begin.After(env.Now()) {
		return run, usageError("--since lies in the future: there is nothing to sync yet.", "")
	}
	run.Since = begin.Unix()
	return run, nil
}

// syncBusy says who holds the lock.
func syncBusy(held *files.HeldError) error {
	detail := ""
	if held.Holder.PID != 0 {
		detail = fmt.Sprintf("It is %s, process %d, since %s.", held.Holder.What, held.Holder.PID,
			held.Holder.Since.Local().Format("15:04:05"))
	}
	return problem.New(problem.SyncBusy, detail, held)
}

// syncView shows a sync: a bar on a terminal, events as JSON, or the result
// alone.
type syncView struct {
	env     *Env
	bar     *progressbar.ProgressBar
	started time.Time
	last    time.Time
	// verified is what a verification found, nil where it was none.
	verified *engine.Verification
	// scope names what was to be compared.
	scope string
}

func newSyncView(env *Env) *syncView {
	v := &syncView{env: env, started: time.Now()}
	if env.ErrTTY && !env.JSON {
		v.bar = env.newProgress("Syncing", progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false))
	}
	return v
}

// waiting shows a wait for the iPhone's limit in the bar.
func (v *syncView) waiting(d time.Duration) {
	v.bar.Describe(fmt.Sprintf("Syncing, waiting %s: the iPhone answers 60 requests a minute", d.Round(time.Second)))
}

// progressEvery bounds how often an event is printed.
const progressEvery = 200 * time.Millisecond

func (v *syncView) progress(p engine.Progress) {
	if v.bar != nil {
		if p.Known {
			v.bar.ChangeMax64(max(p.Have()+p.Remaining, 1))
		}
		v.bar.Describe(howFar(p, v.env.Now()))
		_ = v.bar.Set64(p.Have())
	}
	if !v.env.JSON || time.Since(v.last) < progressEvery {
		return
	}
	v.last = time.Now()
	back := backTo(p, v.env.Now(), time.RFC3339)
	_ = v.env.printEvent(fields{ // the writer keeps its error
		"event": "progress", "requests": p.Requests, "samples": p.Samples, "new": p.New, "before": p.Before,
		"totalKnown": p.Known, "remaining": p.Remaining, "samplesPerSecond": int64(p.Rate),
		"secondsLeft": math.Ceil(p.Seconds),
	}.with("completeBackTo", back, back != ""))
}

// backTo says down to when all types are read; "" while one has not been asked
// for: then that lies in the future.
func backTo(p engine.Progress, now time.Time, layout string) string {
	if p.Back <= engine.Beginning || p.Back >= now.Unix() {
		return ""
	}
	return time.Unix(p.Back, 0).Local().Format(layout)
}

// howFar says in words how far a sync is: where it is, how fast, and how long
// it will take at least.
func howFar(p engine.Progress, now time.Time) string {
	s := "Syncing"
	if back := backTo(p, now, "Jan 2006"); back != "" {
		s += ", back to " + back
	}
	if p.Rate >= 1 {
		s += ", " + humanize.SIWithDigits(p.Rate, 0, "") + "/s"
	}
	if p.Known {
		s += ", " + timeLeft(p.Seconds)
	}
	return s
}

// timeLeft says how long something takes, as roughly as it is known.
func timeLeft(seconds float64) string {
	switch {
	case seconds < 10:
		return "a moment left"
	case seconds < 90:
		return fmt.Sprintf("%.0f s left", math.Ceil(seconds/10)*10)
	case seconds < 90*60:
		return fmt.Sprintf("%.0f min left", math.Ceil(seconds/60))
	}
	return fmt.Sprintf("%.1f h left", math.Ceil(seconds/360)/10)
}

// finish says what a sync did, and passes its error on.
func (v *syncView) finish(res engine.Result, err error) error {
	if v.bar != nil {
		_ = v.bar.Finish()
	}
	took := time.Since(v.started)
	if v.env.JSON {
		return v.printJSON(res, took, err)
	}
	if v.verified != nil {
		v.env.printVerified(v.verified, v.scope, took, err == nil)
		v.printWarnings(res)
		if err == nil {
			err = verifyError(v.verified)
		}
		return err
	}
	v.printResult(res, took, err == nil)
	return err
}

// printJSON writes the last event, and passes the error on.
func (v *syncView) printJSON(res engine.Result, took time.Duration, err error) error {
	var unreadable []health.Type
	for _, u := range res.Unreadable {
		unreadable = append(unreadable, u.Type)
	}
	out := fields{
		"event": "result", "complete": res.Complete, "added": res.Added, "changed": res.Changed, "deleted": res.Deleted,
		"late": res.Late, "requests": res.Requests + 1, "samples": res.Samples, "seconds": took.Seconds(),
	}.with("silent", res.Silent, res.Silent != nil).with("notShared", res.Missing, res.Missing != nil).
		with("skipped", res.Skipped, res.Skipped != nil).with("unreadable", unreadable, unreadable != nil)
	if v.verified != nil {
		out["verify"] = verifyAnswer(v.verified)
		if err == nil {
			err = verifyError(v.verified)
		}
	}
	if err != nil {
		out["error"] = v.env.explain(err).JSON()
	}
	_ = v.env.printEvent(out) // the writer keeps its error
	return err
}

func (v *syncView) printResult(res engine.Result, took time.Duration, whole bool) {
	e := v.env
	if whole {
		if res.Writes() == 0 {
			e.printf("Up to date; nothing new.\n")
		} else {
			e.printf("%s in %s", words.Plural(res.Added, "new sample"), seconds(took))
			if res.Late > 0 {
				e.printf(", %s of them late", words.Count(res.Late))
			}
			if res.Changed+res.Revived > 0 {
				e.printf(", %s changed", words.Count(res.Changed+res.Revived))
			}
			if res.Deleted > 0 {
				e.printf(", %s no longer on the iPhone (kept, marked)", words.Count(res.Deleted))
			}
			e.printf(".\n")
		}
	} else if res.Added > 0 {
		e.note("%s stored before it stopped; the next sync carries on from there",
			words.Plural(res.Added, "new sample"))
	}
	v.printWarnings(res)
}

func (v *syncView) printWarnings(res engine.Result) {
	e := v.env
	if w := problem.Silent(res.Silent); w != nil {
		e.note("warning: %s Fix: %s", w.Detail, w.Remedy)
	}
	for _, t := range res.Missing {
		e.note("warning: the iPhone does not share %s", t)
	}
	for _, t := range res.Skipped {
		e.note("warning: %s is shared without sleepAnalysis and cannot be read whole; share Sleep Analysis too", t)
	}
	for _, u := range res.Unreadable {
		if u.Retry == 0 {
			e.note("warning: the iPhone app stopped over %s; it is not asked for again before the app has another"+
				" version, or by: healthsync sync --types %s", u.Type, u.Type)
			continue
		}
		e.note("warning: the iPhone cannot serve a part of %s; it is asked for again after %s", u.Type,
			time.Unix(u.Retry, 0).Local().Format(time.DateTime))
	}
}
