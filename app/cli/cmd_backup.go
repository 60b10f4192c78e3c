package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/store"
)

func newBackupCommand(env *Env) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Make a sound copy of the database, at any time",
		Long: `Copies the local database by SQLite's VACUUM INTO, as of one moment, whatever else
reads or writes it meanwhile. The copy appears under its name when it is whole and was
checked; nobody but you can read it (mode 0600). It is a database like the one it is of.

To go back to a copy, see docs/database.md, Backup.`,
		Example: "  healthsync backup ~/Backups/health.db\n  healthsync backup --force /Volumes/Stick/health.db\n  healthsync backup health-$(date +%F).db --json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runBackup(cmd.Context(), env, args[0], force) },
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file, once the copy is whole")
	return cmd
}

func runBackup(ctx context.Context, env *Env, path string, force bool) error {
	if path == "" || path == "-" {
		return usageError("A backup goes to a file: standard output cannot be put in place as a whole.",
			"healthsync backup health.db")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "health.db")
	}
	if err := env.notOurs(path); err != nil {
		return err
	}
	db, err := env.readDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	info, err := db.Backup(ctx, path, force)
	if errors.Is(err, fs.ErrExist) {
		return backupExists(err, path)
	}
	if err != nil {
		return backupFailed(err, db.Path(), path)
	}
	if env.JSON {
		return env.printJSON(struct {
			File string `json:"file"`
			store.BackupInfo
			Checked bool `json:"checked"`
		}{path, info, true})
	}
	env.printf("%s, %s, copied to %s and checked.\n", words.Plural(info.Samples, "sample"),
		humanize.Bytes(uint64(info.Bytes)), path)
	return nil
}

// backupExists says why a file is not replaced.
func backupExists(err error, path string) error {
	e := problem.New(problem.FileExists, fmt.Sprintf("%s is there already.", path), err)
	var at *fs.PathError
	if errors.As(err, &at) && at.Path != path {
		e.Detail = fmt.Sprintf("%s shows that another program has a database of that name open.", at.Path)
		e.Remedy = problem.Remedy{Text: "choose another name"}
	}
	return e
}

// backupFailed says of an error of the copy that it is not the database's.
func backupFailed(err error, from, to string) error {
	var readOnly *store.ReadOnlyError
	var full *store.FullError
	var at *fs.PathError
	switch {
	case errors.As(err, &at) && strings.HasSuffix(at.Path, ".part"): // by the name that the person knows
		return &fs.PathError{Op: "create", Path: to, Err: at.Err}
	case errors.As(err, &readOnly) && readOnly.Path != from:
		return problem.New(problem.FileError, fmt.Sprintf("%s cannot be written.", to), err)
	case errors.As(err, &full) && full.Path != from:
		e := problem.New(problem.DiskFull, fmt.Sprintf("There is no room left for %s.", to), err)
		e.Remedy = problem.Remedy{Text: "free some space there, or choose another place",
			Command: "healthsync backup FILE"}
		return e
	}
	return err
}
