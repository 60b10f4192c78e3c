package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/config"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/health"
)

func newConfigCommand(env *Env) *cobra.Command {
	return newGroup("config", "Show and change the settings", `  healthsync config show
  healthsync config set server.host 192.168.1.101
  healthsync config get sync.interval`,
		newConfigShowCommand(env), newConfigGetCommand(env), newConfigSetCommand(env), newConfigResetCommand(env))
}

// setting is a key with its value as shown.
type setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default bool   `json:"default"`
	// From is where the value comes from: setting, default, pairing, or followed
	// for an address to which the iPhone was followed.
	From string `json:"from"`

	followedAt time.Time
}

// note says where the value comes from, where that is not said by it.
func (x setting) note() string {
	switch {
	case x.From == "pairing":
		return "  (as paired)"
	case x.From == "followed":
		return "  (followed there on " + words.LocalDay(x.followedAt) + ")"
	case x.From == "default" && !strings.HasPrefix(x.Value, "("):
		return "  (default)"
	}
	return ""
}

// settings lists all keys. The address is the pairing's where none is set: that
// is where the iPhone is looked for.
func settings(c config.Config, r *pairing.Record) []setting {
	var out []setting
	for _, k := range config.Keys() {
		s := setting{Key: k.Name, Value: k.Get(c), From: "setting"}
		if s.Value == "" {
			s.Value, s.Default, s.From = k.Default, true, "default"
			where := ""
			switch address := k.Name == "server.host" || k.Name == "server.port"; {
			case address && r == nil:
				s.Value = "(not paired)"
			case k.Name == "server.host":
				where = r.Host
			case k.Name == "server.port":
				where = fmt.Sprint(r.Port)
			}
			if where != "" {
				s.Value, s.From, s.followedAt = where, "pairing", r.FollowedAt
				if !s.followedAt.IsZero() && (k.Name != "server.host" || r.PairedHost != r.Host) {
					s.From = "followed"
				}
			}
		}
		out = append(out, s)
	}
	return out
}

// settingOf gives one key's.
func settingOf(k config.Key, s *pairing.Computer, c config.Config) setting {
	r, _ := s.Record() // a pairing that cannot be read has no address to show
	all := settings(c, r)
	return all[slices.IndexFunc(all, func(x setting) bool { return x.Key == k.Name })]
}

func newConfigShowCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show every setting and where it is kept",
		Example: "  healthsync config show\n  healthsync config show --json", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := env.computer()
			if err != nil {
				return err
			}
			r, _ := s.Record() // a pairing that cannot be read has no address to show
			all := settings(s.Config, r)
			if env.JSON {
				return env.printJSON(fields{"file": s.Paths.ConfigFile(), "database": s.Paths.Database(),
					"settings": all})
			}
			for _, x := range all {
				env.printf("%-18s %s%s\n", x.Key, x.Value, x.note())
			}
			env.printf("\nSettings: %s\nDatabase: %s\n", s.Paths.ConfigFile(), s.Paths.Database())
			return nil
		},
	}
}

// findKey looks a key up, or says which one was probably meant.
func findKey(name string) (config.Key, error) {
	if k, ok := config.Find(name); ok {
		return k, nil
	}
	var names []string
	for _, k := range config.Keys() {
		names = append(names, k.Name)
	}
	e := usageError(fmt.Sprintf("There is no setting %q. There are: %s.", name, strings.Join(names, ", ")), "")
	e.Remedy = problem.Remedy{Text: "see them with their values", Command: "healthsync config show"}
	if best := health.Nearest(name, names); best != "" {
		e.Remedy = problem.Remedy{Text: "did you mean " + best + "?"}
	}
	return config.Key{}, e
}

func newConfigGetCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use: "get KEY", Short: "Print one setting", Example: "  healthsync config get sync.interval",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := findKey(args[0])
			if err != nil {
				return err
			}
			s, err := env.computer()
			if err != nil {
				return err
			}
			x := settingOf(k, s, s.Config)
			if env.JSON {
				return env.printJSON(x)
			}
			env.printf("%s\n", x.Value)
			return nil
		},
	}
}

func newConfigSetCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use: "set KEY VALUE", Short: "Change one setting",
		Example: "  healthsync config set server.host 192.168.1.101\n  healthsync config set sync.types steps,heartRate,sleep", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := findKey(args[0])
			if err != nil {
				return err
			}
			s, err := env.computer()
			if err != nil {
				return err
			}
			c, err := config.Update(s.Paths.ConfigFile(), func(c *config.Config) error { return k.Set(c, args[1]) })
			if err != nil {
				return err
			}
			if k.Name == "sources.priority" {
				env.remakeTotals(cmd.Context(), s, c.Sources.Priority)
			}
			return env.printSetting(settingOf(k, s, c))
		},
	}
}

func newConfigResetCommand(env *Env) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "reset [KEY]", Short: "Go back to the default settings, or to one",
		Long:    "Goes back to the default settings; with a KEY that one alone. The pairing and the\nhealth data stay.",
		Example: "  healthsync config reset\n  healthsync config reset sources.priority",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return resetSetting(cmd.Context(), env, args[0])
			}
			p, err := env.paths()
			if err != nil {
				return err
			}
			if env.InTTY && env.ErrTTY {
				if err := env.confirm(cmd.Context(), "Go back to the default settings?", yes); err != nil {
					return err
				}
			}
			// Not by Update: what cannot be read is what reset is for.
			if err := config.Save(p.ConfigFile(), config.Config{}); err != nil {
				return err
			}
			env.remakeTotals(cmd.Context(), env.computerWith(p, config.Config{}), nil)
			return env.answer(fields{"reset": true}, "All settings have their defaults.\n")
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// resetSetting takes one setting back to its default.
func resetSetting(ctx context.Context, env *Env, name string) error {
	k, err := findKey(name)
	if err != nil {
		return err
	}
	s, err := env.computer()
	if err != nil {
		return err
	}
	c, err := config.Update(s.Paths.ConfigFile(), func(c *config.Config) error { k.Unset(c); return nil })
	if err != nil {
		return err
	}
	if k.Name == "sources.priority" {
		env.remakeTotals(ctx, s, nil)
	}
	return env.printSetting(settingOf(k, s, c))
}

func (e *Env) printSetting(x setting) error {
	if e.JSON {
		return e.printJSON(x)
	}
	e.printf("%s = %s\n", x.Key, x.Value)
	return nil
}
