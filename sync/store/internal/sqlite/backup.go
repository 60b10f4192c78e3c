package sqlite

import (
	"context"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// backupStep is how many pages are copied between two looks at the context.
const backupStep = 1024

// Backup copies the database of c, as of one moment, over that of dst by
// SQLite's online backup (https://sqlite.org/backup.html). progress, where it
// is not nil, is told how many pages are done, and of how many.
func (c *Conn) Backup(ctx context.Context, dst *Conn, progress func(done, all int)) error {
	main, err := libc.CString("main")
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, main)
	// A transaction on the source holds the moment: without it every commit
	// of another connection would start the copy again.
	if err := c.Exec("BEGIN; SELECT count(*) FROM sqlite_schema"); err != nil {
		return err
	}
	defer func() { _ = c.Exec("COMMIT") }() // it only read
	b := lib.Xsqlite3_backup_init(dst.tls, dst.db, main, c.db, main)
	if b == 0 {
		return dst.fail(lib.Xsqlite3_extended_errcode(dst.tls, dst.db))
	}
	rc := int32(lib.SQLITE_OK)
	for rc == lib.SQLITE_OK && ctx.Err() == nil {
		rc = lib.Xsqlite3_backup_step(dst.tls, b, backupStep)
		if progress != nil {
			all := int(lib.Xsqlite3_backup_pagecount(dst.tls, b))
			progress(all-int(lib.Xsqlite3_backup_remaining(dst.tls, b)), all)
		}
	}
	if end := lib.Xsqlite3_backup_finish(dst.tls, b); rc != lib.SQLITE_OK && rc != lib.SQLITE_DONE {
		return dst.fail(rc)
	} else if end != lib.SQLITE_OK {
		return dst.fail(end)
	}
	return ctx.Err()
}
