package problem

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"healthsync/app/words"
	"healthsync/sync/store"
)

// storeError knows what the local database refused.
func storeError(err error, _ time.Time) *Error {
	var (
		corrupt  *store.CorruptError
		foreign  *store.ForeignError
		newer    *store.NewerError
		full     *store.FullError
		io       *store.IOError
		readOnly *store.ReadOnlyError
		busy     *store.BusyError
		missing  *store.MissingError
		older    *store.OlderError
	)
	switch {
	case errors.As(err, &corrupt):
		e := New(StoreCorrupt, fmt.Sprintf("%s: %s.", corrupt.Path, corrupt.Detail), err)
		e.Remedy.Command = aside(corrupt.Path, "damaged")
		return e
	case errors.As(err, &foreign):
		e := New(StoreCorrupt, fmt.Sprintf("%s is a database of another program; it was left as it is.", foreign.Path),
			err)
		e.Sentence = "The local database is not one of HealthSync"
		e.Remedy.Command = aside(foreign.Path, "other")
		return e
	case errors.As(err, &newer):
		return New(StoreNewer, fmt.Sprintf("It has schema %d, this program knows up to %d.", newer.Schema, newer.Known),
			err)
	case errors.As(err, &full):
		return New(DiskFull, fmt.Sprintf("There is no room left for %s.", full.Path), err)
	case errors.As(err, &io):
		e := New(FileError, fmt.Sprintf("%s: the system failed to read or write it.", io.Path), err)
		e.Remedy = Remedy{Text: "check the disk, and a quota on it", Command: "healthsync diagnose"}
		return e
	case errors.As(err, &readOnly):
		return New(StoreReadOnly, readOnly.Path+".", err)
	case errors.As(err, &busy):
		return New(StoreBusy, busy.Path+".", err)
	case errors.As(err, &older):
		return New(StoreOlder, fmt.Sprintf("It has schema %d; this needs %d.", older.Schema, older.Needed), err)
	case errors.As(err, &missing):
		return New(NoData, fmt.Sprintf("Expected at %s.", missing.Path), err)
	}
	return nil
}

// aside is the command that moves a database away, with the log and its index
// beside it, and makes a new one. Nothing is deleted.
func aside(path, name string) string {
	dir, file := filepath.Split(path)
	return fmt.Sprintf("cd %s && mkdir %s && mv %s* %s/ && healthsync sync", words.ShellWord(filepath.Clean(dir)), name,
		file, name)
}

// OtherPhone explains that a database is another iPhone's. compared is how many
// samples of this one were looked for in it.
func OtherPhone(path, name string, compared int) *Error {
	if name == "" {
		name = "this iPhone"
	}
	detail := fmt.Sprintf("%s serves nothing of the types in %s. If it is the same person's, give its app the permission to read them (Settings > Privacy & Security > Health).", name, path)
	if compared > 0 {
		detail = fmt.Sprintf("None of the %d newest samples that %s has of that time are in %s.", compared, name, path)
	}
	return New(StoreOther, detail+"\nNothing was stored, and nothing was marked as gone.", nil)
}
