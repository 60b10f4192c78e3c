// Package cli is the healthsync command: it parses, calls down and prints.
//
// The policy of its output, for every command: the answer goes to standard
// output; everything else (progress, warnings, questions, errors) goes to
// standard error. A progress bar is drawn only on a terminal. With --json the
// answer is one JSON object with a schema number, and so is an error. Nothing
// secret and no health value is written to standard error or the log.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/vault"
)

// Env is everything a command may touch of the world.
type Env struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Now    func() time.Time
	// OutTTY and ErrTTY say that a person is looking; InTTY, that one can
	// answer.
	InTTY, OutTTY, ErrTTY bool
	// Columns is how wide the terminal is that ErrTTY speaks of; nil or 0 where
	// that is not known.
	Columns func() int
	// Finder looks for iPhones; nil means Bonjour.
	Finder pairing.Finder

	// Version is this program's; "" for what the Go command recorded.
	Version string
	// JSON is --json: answers and errors are JSON.
	JSON bool

	debug     bool   // --debug
	vaultKind string // --vault
	started   bool   // the command line was understood
	log       *slog.Logger
	logFile   io.WriteCloser
}

// OSEnv is the world as the operating system gives it, for a program of this
// version.
func OSEnv(version string) *Env {
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	return &Env{
		Args: launchArgs(os.Args, terminal), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Version: version,
		Columns: func() int {
			n, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0
			}
			return n
		},
		InTTY: terminal, OutTTY: term.IsTerminal(int(os.Stdout.Fd())), ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
}

// paths finds the places of our files.
func (e *Env) paths() (config.Paths, error) { return config.Locate(e.Getenv) }

// checkVault refuses an unknown --vault before anything else is done.
func (e *Env) checkVault() error {
	if e.vaultKind == "" || e.vaultKind == vault.KindKeychain || e.vaultKind == vault.KindFile {
		return nil
	}
	return &vault.UnknownKindError{Kind: e.vaultKind}
}

// openVault opens the vault that --vault or HEALTHSYNC_VAULT chose, else the
// platform's keychain. Choosing the file vault is said aloud each time,
// because its secrets are only as safe as the disk.
func (e *Env) openVault(p config.Paths) (vault.Vault, error) {
	kind := e.vaultKind
	if kind == "" {
		kind = e.Getenv("HEALTHSYNC_VAULT")
	}
	o := vault.Options{Dir: p.Data}
	if p.Home != "" {
		o.Namespace = vault.Namespace(p.Home)
	}
	v, err := vault.Open(kind, o)
	var unknown *vault.UnknownKindError
	if errors.As(err, &unknown) && e.vaultKind == "" {
		bad := usageError(fmt.Sprintf("HEALTHSYNC_VAULT is %q: there is no such vault.", kind), "")
		bad.Sentence = "The environment was not understood"
		bad.Remedy = problem.Remedy{Text: "set it to keychain or file, or unset it"}
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	if v.Kind() == "file" {
		e.note("note: secrets are kept in a file, %s, not in a keychain", v.Where())
	}
	return v, nil
}

// computer opens what belongs to this Mac: places, settings, pairing, vault.
func (e *Env) computer() (*pairing.Computer, error) {
	p, err := e.paths()
	if err != nil {
		return nil, err
	}
	c, err := config.Load(p.ConfigFile())
	if err != nil {
		return nil, err
	}
	return e.computerWith(p, c), nil
}

func (e *Env) computerWith(p config.Paths, c config.Config) *pairing.Computer {
	return &pairing.Computer{
		Paths: p, Config: c, Now: e.Now, Log: e.logger(p),
		OpenVault: func() (vault.Vault, error) { return e.openVault(p) },
		Waiting: func(h files.Holder) {
			e.note("waiting for another HealthSync (process %d), which is %s ...", h.PID, h.What)
		},
	}
}

// note says something beside the answer.
func (e *Env) note(format string, args ...any) {
	fmt.Fprintf(e.Stderr, "healthsync: "+format+"\n", args...)
}

// printf writes a part of the answer. A reader that went away (a closed pipe)
// ends the program by signal, as it does every other command's.
func (e *Env) printf(format string, args ...any) { fmt.Fprintf(e.Stdout, format, args...) }

// print is printf for what is written line by line for long: its error ends it.
func (e *Env) print(text string) error {
	_, err := io.WriteString(e.Stdout, text)
	return err
}

// confirm asks a yes/no question where a person can answer; yes skips it.
func (e *Env) confirm(ctx context.Context, question string, yes bool) error {
	if yes {
		return nil
	}
	if !e.InTTY || !e.ErrTTY {
		return problem.New(problem.NeedsYes, question, nil)
	}
	fmt.Fprintf(e.Stderr, "%s [y/N] ", question)
	answer, err := readLine(ctx, e.Stdin)
	if ctx.Err() != nil {
		return ctx.Err() // Ctrl-C is no answer
	}
	if err != nil || !isYes(answer) {
		return declined()
	}
	return nil
}
