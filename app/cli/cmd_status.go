package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/agent/control"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/app/words"
)

func newStatusCommand(env *Env) *cobra.Command {
	var dryRun, offline bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show connection, certificates and last sync",
		Long: `Asks the iPhone how it is and shows connection, server, certificate, last sync
and latency. The exit status tells: 0 connected, 10 not paired, 11 no answer, 12
a certificate or identity was refused, 13 the keychain does not give its secrets,
14 not now (locked, ...), 16 the iPhone answers and the local database cannot be
used.`,
		Example: "  healthsync status\n  healthsync status --json\n  healthsync status && healthsync sync",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dryRun && env.JSON {
				return env.printJSON(fields{"dryRun": true, "request": "GET /api/v1/status"})
			}
			if dryRun {
				env.printf("Would ask the iPhone for its status (GET /api/v1/status).\n")
				return nil
			}
			return runStatus(cmd.Context(), env, offline)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be asked, and ask nothing")
	cmd.Flags().BoolVar(&offline, "offline", false, "leave the iPhone alone: show what is known here")
	return cmd
}

func runStatus(ctx context.Context, env *Env, offline bool) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	st, problem := env.howThingsStand(ctx, s, offline)
	if env.JSON {
		if err := env.printJSON(st); err != nil {
			return err
		}
	} else {
		env.printStatus(st)
	}
	if problem != nil {
		return problem
	}
	for _, c := range st.Conditions {
		if !env.JSON {
			env.note("%s: %s", c.Severity, c.Detail)
			env.note("fix: %s", c.Remedy)
		}
	}
	return nil
}

// appPatience is how long the menu-bar app may take to ask the iPhone: as long
// as a look of our own would.
const appPatience = 20 * time.Second

// howThingsStand asks the menu-bar app where one is running, and looks for
// itself where none is, or where it does not answer.
func (e *Env) howThingsStand(ctx context.Context, s *pairing.Computer, offline bool) (state.State, *problem.Error) {
	if !offline && e.vaultKind == "" {
		asking, cancel := context.WithTimeout(ctx, appPatience)
		defer cancel()
		if st, err := control.AskStatus(asking, control.Path(s.Paths)); err == nil {
			if st.Sync == nil { // the app finds out when it wants to sync itself
				st.Sync = state.Syncing(s)
			}
			return st, st.Problem()
		}
	}
	o := e.linkOptions()
	o.WaitLimit = 3 * time.Second
	return state.Snapshot(ctx, s, state.SnapshotOptions{Offline: offline, Sample: true, Link: o})
}

// printStatus is what pages about iOS Health Sync show, and a little more.
func (e *Env) printStatus(st state.State) {
	e.printf("Connection Status: %s\n", connectionWord(st.Link))
	if !st.Paired {
		return
	}
	e.printf("Device: %s\n", deviceName(st.Device))
	e.printf("Server: %s\n", hostPort(st.Host, st.Port))
	if st.Protocol == 2 {
		e.printf("Secure: Yes (mTLS)\n")
	} else {
		e.printf("Secure: Yes (TLS 1.3, pinned certificate)\n")
	}
	if len(st.Credentials) > 0 {
		c := st.Credentials[0]
		what := "Certificate"
		if c.Name == "token" {
			what = "Token"
		}
		if c.NotAfter.IsZero() {
			e.printf("%s: %s\n", what, c.Status)
		} else {
			e.printf("%s: %s (expires %s)\n", what, c.Status, words.ISODay(c.NotAfter))
		}
	}
	e.printSyncing(st.Sync)
	if st.LastSync.IsZero() {
		e.printf("Last sync: never\n")
	} else {
		e.printf("Last sync: %s\n", words.Moment(st.LastSync))
	}
	if st.Samples > 0 {
		e.printf("Stored: %s\n", words.Plural(st.Samples, "sample"))
	}
	if !st.CompleteTo.IsZero() {
		e.printf("Complete: %s\n", completeLine(st, e.Now()))
	}
	if st.SharedTypes >= 0 {
		e.printf("Shared: %s\n", words.Plural(st.SharedTypes, "type"))
	}
	if st.Latency > 0 {
		e.printf("Latency: %dms\n", max(1, st.Latency.Round(time.Millisecond).Milliseconds()))
	}
}

// printSyncing tells of a sync that runs: how far it is, or, of another
// process, who it is.
func (e *Env) printSyncing(p *state.Progress) {
	switch {
	case p == nil:
	case p.Holder == "":
		e.printf("Syncing now: %s read\n", words.Plural(p.Samples, "sample"))
	case p.Since.IsZero():
		e.printf("Syncing now: %s\n", p.Holder)
	default:
		e.printf("Syncing now: %s, for %s\n", p.Holder, words.Span(e.Now().Sub(p.Since)))
	}
}

// connectionWord is the word after "Connection Status:". The pages know three;
// the reason for a "Disconnected" follows on standard error.
func connectionWord(l state.Link) string {
	switch l {
	case state.LinkConnected, state.LinkNotPaired, state.LinkLocked:
		return l.Words()
	}
	return "Disconnected"
}

// completeLine says up to when everything is stored that the iPhone has.
func completeLine(st state.State, now time.Time) string {
	var from *time.Time
	if !st.CompleteFrom.IsZero() {
		from = &st.CompleteFrom
	}
	line := completeWords(from, &st.CompleteTo, now)
	if st.Late > 0 {
		line += ", " + words.Plural(st.Late, "late arrival") + " healed in the last week"
	}
	if n := len(st.Behind); n > 3 {
		line += fmt.Sprintf("; %d types not as far", n)
	} else if n > 0 {
		line += "; not as far: " + printable(strings.Join(st.Behind, ", "))
	}
	return line
}
