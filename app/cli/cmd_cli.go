package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"healthsync/app/problem"
	"healthsync/menubar/native/command"
	"healthsync/menubar/native/login"
)

func newCLICommand(env *Env) *cobra.Command {
	o := cliOptions{}
	cmd := newGroup(env, "cli", "Make the command inside HealthSync.app reachable in a terminal",
		`  /Applications/HealthSync.app/Contents/MacOS/HealthSync cli install
  healthsync cli status
  healthsync cli remove`)
	cmd.Long = `HealthSync.app holds this command. So that a shell finds it as "healthsync", a link
to it lies in a folder that shells look into: Homebrew's, where there is one, else
/usr/local/bin, which may take an administrator, else ~/.local/bin where you have one.
The menu offers to make it, once; nothing is ever replaced but a link into a
HealthSync.app.`
	for _, c := range []struct {
		use, short, example string
		run                 func(env *Env, o *cliOptions, asJSON bool) error
	}{
		{"status", "Say whether a shell finds this command, and where", "  healthsync cli status --json", runCLIStatus},
		{"install", "Make the link", "  /Applications/HealthSync.app/Contents/MacOS/HealthSync cli install\n  healthsync cli install --dir ~/bin", runCLIInstall},
		{"remove", "Take the link away again", "  healthsync cli remove", runCLIRemove},
	} {
		sub := &cobra.Command{Use: c.use, Short: c.short, Example: c.example, Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.run(env, &o, jsonWanted(cmd)) }}
		sub.Flags().StringVar(&o.dir, "dir", "", "the folder of the link (default: the first that can be written)")
		env.addCommonFlags(sub.Flags())
		cmd.AddCommand(sub)
	}
	return cmd
}

type cliOptions struct{ dir string }

func (o *cliOptions) look(env *Env) (command.Offer, []string, error) {
	program, err := appProgram()
	if err != nil {
		return command.Offer{}, nil, err
	}
	if o.dir != "" {
		dir, err := filepath.Abs(o.dir)
		if err != nil {
			return command.Offer{}, nil, err
		}
		offer, err := command.LookIn(program, dir)
		return offer, []string{dir}, err
	}
	folders := command.Folders(env.Getenv("HOME"))
	return command.Look(program, folders, command.Admin), folders, nil
}

// appProgram is the program inside of the app that a link would lead to.
func appProgram() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := command.Program(exe)
	switch {
	case errors.Is(err, login.ErrTranslocated):
		e := problem.New(problem.NotOnThisBuild, "macOS runs the app from a temporary copy, because it lies where it was downloaded to.", err)
		e.Sentence = "A link to a temporary copy would soon lead nowhere"
		e.Remedy = problem.Remedy{Text: "move HealthSync.app to Applications, then", Command: "/Applications/HealthSync.app/Contents/MacOS/HealthSync cli install"}
		return "", e
	case errors.Is(err, command.ErrNoApp):
		e := problem.New(problem.NotOnThisBuild, "A bare program is a command itself: put it into a folder that your shell looks into.", err)
		e.Sentence = "This program is not inside of HealthSync.app"
		e.Remedy = problem.Remedy{Text: "from the sources", Command: "make install"}
		return "", e
	}
	return program, err
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+@%", r) && !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}) {
		return command.Quoted(s)
	}
	return s
}

type cliAnswer struct {
	State   string `json:"state"`
	Link    string `json:"link"`
	Program string `json:"program"`
}

func answerOf(o command.Offer) cliAnswer { return cliAnswer{o.State.String(), o.Link, o.Program} }

func runCLIStatus(env *Env, o *cliOptions, asJSON bool) error {
	offer, _, err := o.look(env)
	if err != nil {
		return err
	}
	if asJSON {
		return env.printJSON(answerOf(offer))
	}
	switch offer.State {
	case command.There:
		env.printf("%s is this program.\n", offer.Link)
	case command.Taken:
		env.printf("%s is another program.\n", offer.Link)
	default:
		words := shellWord(offer.Program) + " cli install"
		if o.dir != "" {
			words += " --dir " + shellWord(filepath.Dir(offer.Link))
		}
		env.printf("There is no %s yet.\nMake it:  %s\n", offer.Link, words)
	}
	return nil
}

func runCLIInstall(env *Env, o *cliOptions, asJSON bool) error {
	offer, _, err := o.look(env)
	if err != nil {
		return err
	}
	if err := linkError(offer.Program, offer.Make()); err != nil {
		return err
	}
	offer.State = command.There
	if asJSON {
		return env.printJSON(answerOf(offer))
	}
	env.printf("%s is this program now.\n", offer.Link)
	return nil
}

func runCLIRemove(env *Env, o *cliOptions, asJSON bool) error {
	offer, folders, err := o.look(env)
	if err != nil {
		return err
	}
	removed, err := command.Remove(offer.Program, folders)
	if err := linkError(offer.Program, err); err != nil {
		return err
	}
	if asJSON {
		return env.printJSON(struct {
			Removed []string `json:"removed"`
		}{orEmpty(removed)})
	}
	if len(removed) == 0 {
		env.printf("There was no link to this program in %s.\n", strings.Join(folders, ", "))
		return nil
	}
	env.printf("Removed %s. The app stays.\n", strings.Join(removed, ", "))
	return nil
}

// linkError says what to do where a link to a program could not be made or
// removed. Where the name is another program's, it does not lead here.
func linkError(program string, err error) error {
	var taken *command.TakenError
	var admin *command.AdminError
	switch {
	case errors.As(err, &taken):
		e := problem.New(problem.FileExists, taken.Path+" is another program; it was left alone.", err)
		e.Sentence = "Another program has the name healthsync"
		e.Remedy = problem.Remedy{Text: "move it away, or make the link in another folder, such as ~/bin", Command: shellWord(program) + " cli install --dir ~/bin"}
		return e
	case errors.As(err, &admin):
		e := problem.New(problem.FileError, "", err)
		e.Sentence = fmt.Sprintf("Only an administrator may change %s", admin.Path)
		e.Remedy = problem.Remedy{Text: "run", Command: admin.Sudo}
		return e
	}
	return err
}
