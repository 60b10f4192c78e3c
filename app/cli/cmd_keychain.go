package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func newKeychainCommand(env *Env) *cobra.Command {
	return newGroup("keychain", "What HealthSync keeps in the keychain",
		"  healthsync keychain list\n  healthsync keychain clear",
		newKeychainClearCommand(env, "clear"), newKeychainListCommand(env))
}

// newKeychainClearCommand is `keychain clear`, and under another name `reset
// --certificates`.
func newKeychainClearCommand(env *Env, use string) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   use,
		Short: "Remove every HealthSync item from the keychain",
		Long: `Removes the token, the key and the certificates of this pairing and of earlier
ones, and says which. The iPhone must be paired again afterwards. Items of other
programs, and of other HEALTHSYNC_HOME folders, are left alone. A file of secrets
(HEALTHSYNC_VAULT=file) that is damaged is removed as a whole.`,
		Example: "  healthsync keychain clear\n  healthsync keychain clear --yes --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runKeychainClear(cmd.Context(), env, yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func runKeychainClear(ctx context.Context, env *Env, yes bool) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	if env.InTTY && env.ErrTTY {
		if err := env.confirm(ctx, "Remove every HealthSync key, certificate and token? The iPhone must be paired again.",
			yes); err != nil {
			return err
		}
	}
	removed, err := s.ClearVault(ctx)
	if err != nil {
		return err
	}
	s.Log.Info("keychain cleared", "removed", len(removed))
	if env.JSON {
		return env.printJSON(fields{"removed": orEmpty(removed)})
	}
	if len(removed) == 0 {
		env.printf("There was nothing of HealthSync in the keychain.\n")
	}
	env.printRemoved(removed)
	return nil
}

func newKeychainListCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the HealthSync items in the keychain, never their contents",
		Example: "  healthsync keychain list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := env.computer()
			if err != nil {
				return err
			}
			v, err := s.Vault()
			if err != nil {
				return err
			}
			items, err := v.List(cmd.Context())
			if err != nil {
				return err
			}
			if env.JSON {
				return env.printJSON(fields{"items": orEmpty(items)})
			}
			if len(items) == 0 {
				env.printf("There is nothing of HealthSync in the keychain.\n")
			}
			for _, i := range items {
				note := ""
				if !i.Own {
					note = "  (of another HEALTHSYNC_HOME)"
				}
				env.printf("%-11s  %s  (%s)%s\n", i.Kind, i.Name, i.Where, note)
			}
			return nil
		},
	}
}

func newResetCommand(env *Env) *cobra.Command {
	clear := newKeychainClearCommand(env, "reset")
	clear.Hidden = true
	clear.Short = "Another name for healthsync keychain clear"
	clear.Example = "  healthsync reset --certificates"
	certificates := clear.Flags().Bool("certificates", false, "remove keys, certificates and tokens")
	run := clear.RunE
	clear.RunE = func(cmd *cobra.Command, args []string) error {
		if !*certificates {
			return usageError("reset needs to know what: --certificates for keys and certificates; settings go by config reset, the pairing by unpair.", "healthsync reset --certificates")
		}
		return run(cmd, args)
	}
	return clear
}
