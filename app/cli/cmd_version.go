package cli

import (
	"github.com/spf13/cobra"

	"healthsync/app/version"
)

func newVersionCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  healthsync version\n  healthsync version --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runVersion(env, jsonWanted(cmd))
		},
	}
	env.addCommonFlags(cmd.Flags())
	return cmd
}

func runVersion(env *Env, asJSON bool) error {
	v := version.Get()
	if asJSON {
		return env.printJSON(v)
	}
	env.printf("healthsync %s (%s, %s)\nSpeaks protocol 1 and 2 of iOS Health Sync.\n", v.Version, v.Platform, v.Go)
	return nil
}
