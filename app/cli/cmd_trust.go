package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/words"
	"healthsync/sync/store"
)

func newTrustCommand(env *Env) *cobra.Command {
	return newGroup("trust", "Who was trusted, where and when", "  healthsync trust log", newTrustLogCommand(env))
}

func newTrustLogCommand(env *Env) *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show where, when and by which certificate the iPhone proved to be itself",
		Long: `Shows every address, port and certificate by which the paired iPhone has proved to
be itself since the first sync, with the first time: an audit trail. Nothing is ever
taken out of it; it stays when you unpair, and earlier pairings are in it too.

It is in the database as the view trust_log. No secret and no health value is in it.`,
		Example: "  healthsync trust log\n  healthsync trust log --limit 10\n  healthsync trust log --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runTrustLog(cmd.Context(), env, limit) },
	}
	numberVar(cmd.Flags(), &limit, "limit", 0, 0, 0, "the latest so many; 0 means all")
	return cmd
}

func runTrustLog(ctx context.Context, env *Env, limit int) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	book, err := s.TrustLog(ctx)
	if err != nil {
		return err
	}
	now := ""
	if r, err := s.Record(); err == nil {
		now = r.ID
	} else if !errors.Is(err, pairing.ErrNotPaired) {
		env.note("note: which pairing is that of now cannot be told: %v", err)
	}
	all := len(book)
	if limit > 0 && limit < all {
		book = book[:limit]
	}
	if env.JSON {
		rows := []fields{}
		for _, x := range book {
			rows = append(rows, fields{
				"host": x.Host, "port": x.Port, "certificateFingerprint": x.Certificate, "protocol": x.Protocol,
				"at": time.Unix(x.At, 0).UTC(), "pairing": x.Pairing, "current": x.Pairing == now, // the pairing of now
			}.with("phone", printable(x.Phone), x.Phone != ""))
		}
		return env.printJSON(fields{"total": all, "entries": rows})
	}
	return env.printBook(book, all, now)
}

func (e *Env) printBook(book []store.Trusted, all int, current string) error {
	if len(book) == 0 {
		e.printf("No iPhone has been trusted yet.\n")
		return nil
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "FIRST\tADDRESS\tCERTIFICATE\tIPHONE\tPAIRING\n")
	for _, x := range book {
		pairing := "this one"
		if x.Pairing != current {
			pairing = "earlier, " + printable(x.Pairing)
		}
		certificate := printable(x.Certificate)
		if len(certificate) > 16 {
			certificate = certificate[:16] + "…"
		}
		first := time.Unix(x.At, 0).Local().Format("2006-01-02 15:04")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", first, hostPort(x.Host, x.Port), certificate, deviceName(x.Phone),
			pairing)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(book) < all {
		e.note("%s more; --limit 0 shows all", words.Plural(all-len(book), "line"))
	}
	return nil
}
