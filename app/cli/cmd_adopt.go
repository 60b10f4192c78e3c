package cli

import (
	"context"
	"errors"
	"fmt"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/vault"
)

// noteAdoptable offers the pairing that the Swift command line tool left, where
// this computer has none of its own.
func (e *Env) noteAdoptable(s *pairing.Station) {
	if a := s.Adoptable(e.Getenv("HOME")); a != nil {
		e.note("note: the earlier command line tool is paired with the iPhone at %s; to use that pairing here as well:  healthsync pair --adopt", hostPort(a.Host, a.Port))
	}
}

// runAdopt is `pair --adopt`.
func runAdopt(ctx context.Context, env *Env, asJSON bool) error {
	s, err := env.station()
	if err != nil {
		return err
	}
	a, err := pairing.FindAdoptable(env.Getenv("HOME"))
	if err != nil {
		return adoptError(err)
	}
	// The other program knows one place for its token: the login keychain (on
	// Linux a Secret Service stands for it), wherever ours are kept.
	from, err := vault.Open(vault.KindKeychain, vault.Options{})
	if err != nil {
		return err
	}
	if !asJSON {
		env.note("adopting the pairing with the iPhone at %s ...", hostPort(a.Host, a.Port))
	}
	p, err := s.Adopt(ctx, a, from, env.linkOptions())
	if err != nil {
		s.Log.Warn("adoption failed", "code", problem.From(adoptError(err), env.Now()).Code)
		return adoptError(err)
	}
	env.noteAddress(p)
	return env.printPaired(p, asJSON)
}

// adoptError says what an adoption met that no other command does.
func adoptError(err error) error {
	var adopt *pairing.AdoptError
	var paired *pairing.PairedError
	switch {
	case errors.Is(err, pairing.ErrNothingToAdopt):
		e := problem.New(problem.NotPaired, "There is no ~/.healthsync/config.json of the earlier command line tool.", err)
		e.Sentence = "There is no pairing to adopt"
		return e
	case errors.As(err, &paired):
		e := usageError(problem.Usage, fmt.Sprintf("This computer is paired with %s.", deviceName(paired.Record.Name)), "")
		e.Sentence = "There is a pairing already"
		e.Remedy = problem.Remedy{Text: "to replace it", Command: "healthsync unpair && healthsync pair --adopt"}
		return e
	case errors.As(err, &adopt):
		e := problem.New(problem.PairingFile, fmt.Sprintf("%s: %s.\nThe file was left as it is.", adopt.Path, adopt.Reason), err)
		if adopt.Token {
			e = problem.New(problem.KeychainMissing, sentence(adopt.Reason), err)
		}
		e.Sentence = "The pairing cannot be adopted"
		e.Remedy = problem.Remedy{Text: "pair anew", Command: "healthsync scan", Action: "pair"}
		return e
	}
	return err
}
