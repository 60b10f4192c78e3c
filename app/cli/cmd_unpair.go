package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/pki/vault"
)

func newUnpairCommand(env *Env) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "unpair",
		Short: "End the pairing; health data stays",
		Long: `Ends the pairing: revokes this computer's certificate on the iPhone where it can
be reached (protocol 2), and in any case removes keys, certificates, token and
address from this computer. The health data in the local database stays.

In a script, where no one can be asked, it goes ahead: what it removes can be
made again by pairing.`,
		Example: "  healthsync unpair\n  healthsync unpair --yes && healthsync scan",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runUnpair(cmd.Context(), env, yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func runUnpair(ctx context.Context, env *Env, yes bool) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	if r, err := s.Record(); err == nil && env.InTTY && env.ErrTTY {
		if err := env.confirm(ctx, fmt.Sprintf("Unpair from %s? Health data stays.", deviceName(r.Name)),
			yes); err != nil {
			return err
		}
	}
	u, err := s.Unpair(ctx)
	if err != nil {
		return err
	}
	s.Log.Info("unpaired", "onPhone", u.OnPhone, "removed", len(u.Removed))
	if env.JSON {
		out := fields{"onPhone": u.OnPhone, "removed": orEmpty(u.Removed)}
		if u.Record != nil && u.Record.Name != "" {
			out["device"] = u.Record.Name
		}
		if u.PhoneErr != nil {
			out["phoneError"] = problem.From(u.PhoneErr, env.Now()).JSON()
		}
		return env.printJSON(out)
	}
	env.printUnpaired(u)
	return nil
}

func (e *Env) printUnpaired(u *pairing.Unpaired) {
	name := "the iPhone"
	if u.Record != nil {
		name = deviceName(u.Record.Name)
	}
	switch u.OnPhone {
	case pairing.RevokedThere:
		e.printf("Unpaired from %s; it has revoked this computer's certificate.\n", name)
	case pairing.RevokedBefore:
		e.printf("Unpaired from %s; it had revoked this computer's certificate already.\n", name)
	case pairing.NotOffered:
		e.printf("Unpaired from %s on this computer. Its app cannot be told; what it knows of this computer ends by itself",
			name)
		if u.Record != nil && !u.Record.TokenExpiresAt.IsZero() {
			e.printf(" on %s", words.Day(u.Record.TokenExpiresAt))
		}
		e.printf(".\n")
	case pairing.NotReached, pairing.NotAsked:
		e.printf("Unpaired from %s on this computer only: %s.\nOn the iPhone, remove this computer in the app, or it still knows its certificate.\n", name, untold(u, problem.From(u.PhoneErr, e.Now())))
	case pairing.NothingThere:
		if len(u.Removed) == 0 {
			e.printf("There was no pairing.\n")
		} else {
			e.printf("There was no pairing, but something was left of an earlier one.\n")
		}
	}
	e.printRemoved(u.Removed)
}

// untold says why the iPhone does not know of it.
func untold(u *pairing.Unpaired, why *problem.Error) string {
	switch {
	case u.OnPhone == pairing.NotAsked && why.Detail != "":
		first, _, _ := strings.Cut(why.Detail, "\n")
		return "it could not be asked. " + strings.TrimSuffix(first, ".")
	case u.OnPhone == pairing.NotAsked:
		return "it could not be asked (" + why.Sentence + ")"
	case why.Exit() == problem.ExitUnreachable:
		return "it did not answer (" + why.Sentence + ")"
	}
	return "what answered could not be told (" + why.Sentence + ")"
}

// printRemoved lists what was taken out of the vault.
func (e *Env) printRemoved(items []vault.Item) {
	for _, i := range items {
		e.printf("Removed %s %s (%s)\n", i.Kind, i.Name, i.Where)
	}
}

// orEmpty makes an empty list of nil, which JSON would write as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
