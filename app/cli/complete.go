package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"healthsync/app/config"
	"healthsync/sync/aggregate"
	"healthsync/sync/format"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
)

// completing reports that a shell asks for completions
// (cobra.ShellCompRequestCmd and its form without descriptions).
func completing(args []string) bool {
	return len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd)
}

// addCompletions says of each flag and argument what it may be: values, a file,
// or nothing that could be listed.
func addCompletions(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		addCompletions(c)
	}
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil {
		switch cmd.CommandPath() {
		case "healthsync config get", "healthsync config set", "healthsync config reset":
			cmd.ValidArgsFunction = completeSetting
		case "healthsync why":
			cmd.ValidArgsFunction = completeDay
		case "healthsync scan", "healthsync backup":
			// files
		default:
			if !cmd.HasSubCommands() {
				cmd.ValidArgsFunction = cobra.NoFileCompletions
			}
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if complete := flagCompletion(cmd.Name(), f.Name); complete != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // the error says that there is one already
		}
	})
}

// flagCompletion gives the values of a flag; nil where it takes a file.
func flagCompletion(command, flag string) cobra.CompletionFunc {
	switch flag {
	case "types":
		return completeList(typeNames)
	case "category":
		return completeList(func() []string { return groupNames })
	case "format":
		switch command {
		case "sql", "types":
			return values("text", "csv", "json")
		}
		var kinds []string
		for _, k := range format.Kinds() {
			kinds = append(kinds, string(k))
		}
		return values(kinds...)
	case "aggregate":
		return values(string(aggregate.Hourly), string(aggregate.Daily), string(aggregate.Weekly))
	case "fault":
		return completeFault
	case "vault":
		return values("keychain", "file")
	case "protocol":
		return values("1", "2")
	case "start", "end", "since":
		return values("today", "yesterday", "now")
	case "output", "file", "image", "qr-file":
		return nil
	case "export":
		return cobra.FixedCompletions([]string{"zip", "xml"}, cobra.ShellCompDirectiveFilterFileExt)
	case "dir":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	return cobra.NoFileCompletions
}

func values(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

var groupNames = []string{string(health.Activity), string(health.Vitals), string(health.Sleep), string(health.Body)}

// typeNames are what --types takes: groups first, because they are fewer.
func typeNames() []string {
	names := append([]string{"all"}, groupNames...)
	for _, t := range health.Types() {
		name := string(t)
		if i, ok := health.Lookup(t); ok {
			name = cobra.CompletionWithDesc(name, i.Name)
		}
		names = append(names, name)
	}
	return names
}

// completeList completes the last of several values with commas between them,
// leaving out those that are there.
func completeList(all func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := ""
		if i := strings.LastIndexByte(typed, ','); i >= 0 {
			before = typed[:i+1]
		}
		var out []string
		for _, name := range all() {
			bare, _, _ := strings.Cut(name, "\t")
			if !strings.Contains(","+before, ","+bare+",") {
				out = append(out, before+name)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func completeFault(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, f := range simulator.Faults() {
		name := f.Name
		if f.Arg != "" && !strings.HasPrefix(f.Arg, "[") {
			name += ":"
		}
		out = append(out, cobra.CompletionWithDesc(name, f.What))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeSetting completes a key, and for `set` its values where they can be
// listed.
func completeSetting(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	var out []string
	switch {
	case len(args) == 0:
		for _, k := range config.Keys() {
			out = append(out, cobra.CompletionWithDesc(k.Name, k.Accept))
		}
	case len(args) == 1 && cmd.Name() == "set":
		k, ok := config.Find(args[0])
		if !ok {
			break
		}
		if k.Name == "sync.types" {
			return completeList(typeNames)(cmd, nil, typed)
		}
		out = k.Values
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeDay completes the TYPE and the DAY of `why`.
func completeDay(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	days := [][]string{typeNames()[1+len(groupNames):], {"today", "yesterday"}, nil}
	return days[min(len(args), 2)], cobra.ShellCompDirectiveNoFileComp
}
