package sqlite

import (
	"runtime"
	"strings"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

// Rows is a table in Go's memory.
type Rows interface {
	Len() int
	// Column gives a value to v, or nothing for NULL.
	Column(row, column int, v *Value)
}

// Value takes one column's value. It is only good during the call.
type Value struct {
	tls  *libc.TLS
	ctx  uintptr
	uuid uintptr
}

// Int gives a whole number.
func (v *Value) Int(x int64) { lib.Xsqlite3_result_int64(v.tls, v.ctx, x) }

// Float gives a floating-point number.
func (v *Value) Float(x float64) { lib.Xsqlite3_result_double(v.tls, v.ctx, x) }

// UUID gives a blob of 16 bytes. The statement must be done with it before
// the next row, as INSERT … SELECT is.
func (v *Value) UUID(x *[16]byte) {
	*(*[16]byte)(at(v.uuid)) = *x
	lib.Xsqlite3_result_blob(v.tls, v.ctx, v.uuid, 16, 0)
}

// feed is a virtual table (https://sqlite.org/vtab.html) over Rows. SQLite
// holds its address, so it is pinned while the connection is open.
type feed struct {
	pin    runtime.Pinner
	rows   Rows
	value  Value
	name   uintptr
	schema uintptr
	module uintptr
}

// The two structures that SQLite asks us to extend, in libc's memory.
type (
	feedTable struct {
		base lib.Tsqlite3_vtab
		feed uintptr
	}
	feedCursor struct {
		base lib.Tsqlite3_vtab_cursor
		row  int
	}
)

// Feed makes rows readable as a table of the given name and columns on this
// connection. A statement reads them anew each time that it runs, so that one
// prepared INSERT … SELECT stores page after page: a call per value, instead
// of a bind per value and a step and a reset per row.
func (c *Conn) Feed(name string, columns []string, rows Rows) error {
	f := &feed{rows: rows}
	var err error
	if f.name, err = libc.CString(name); err != nil {
		return err
	}
	if f.schema, err = libc.CString("CREATE TABLE feed(" + strings.Join(columns, ",") + ")"); err != nil {
		return err
	}
	f.value.uuid = alloc(c.tls, 16)
	f.module = alloc(c.tls, types.Size_t(unsafe.Sizeof(lib.Tsqlite3_module{})))
	m := (*lib.Tsqlite3_module)(at(f.module))
	m.FxConnect = function(feedConnect) // without xCreate the table is there by its name alone
	m.FxBestIndex = function(feedBestIndex)
	m.FxDisconnect = function(feedDisconnect)
	m.FxOpen = function(feedOpen)
	m.FxClose = function(feedClose)
	m.FxFilter = function(feedFilter)
	m.FxNext = function(feedNext)
	m.FxEof = function(feedEOF)
	m.FxColumn = function(feedColumn)
	m.FxRowid = function(feedRowid)
	f.pin.Pin(f)
	c.feeds = append(c.feeds, f)
	if rc := lib.Xsqlite3_create_module_v2(c.tls, c.db, f.name, f.module, address(f), 0); rc != lib.SQLITE_OK {
		return c.fail(rc)
	}
	return nil
}

func (f *feed) free(tls *libc.TLS) {
	libc.Xfree(tls, f.name)
	libc.Xfree(tls, f.schema)
	libc.Xfree(tls, f.module)
	libc.Xfree(tls, f.value.uuid)
	f.pin.Unpin()
}

func feedOf(cursor *feedCursor) *feed {
	t := (*feedTable)(at(cursor.base.FpVtab))
	return (*feed)(at(t.feed))
}

func feedConnect(tls *libc.TLS, db, aux uintptr, _ int32, _, out, _ uintptr) int32 {
	f := (*feed)(at(aux))
	if rc := lib.Xsqlite3_declare_vtab(tls, db, f.schema); rc != lib.SQLITE_OK {
		return rc
	}
	// Never from within a view or trigger of the file.
	lib.Xsqlite3_vtab_config(tls, db, lib.SQLITE_VTAB_DIRECTONLY, 0)
	p := alloc(tls, types.Size_t(unsafe.Sizeof(feedTable{})))
	(*feedTable)(at(p)).feed = aux
	*(*uintptr)(at(out)) = p
	return lib.SQLITE_OK
}

func feedBestIndex(*libc.TLS, uintptr, uintptr) int32 { return lib.SQLITE_OK }

func feedDisconnect(tls *libc.TLS, table uintptr) int32 {
	libc.Xfree(tls, table)
	return lib.SQLITE_OK
}

func feedOpen(tls *libc.TLS, _, out uintptr) int32 {
	*(*uintptr)(at(out)) = alloc(tls, types.Size_t(unsafe.Sizeof(feedCursor{})))
	return lib.SQLITE_OK
}

func feedClose(tls *libc.TLS, cursor uintptr) int32 {
	libc.Xfree(tls, cursor)
	return lib.SQLITE_OK
}

func feedFilter(_ *libc.TLS, cursor uintptr, _ int32, _ uintptr, _ int32, _ uintptr) int32 {
	(*feedCursor)(at(cursor)).row = 0
	return lib.SQLITE_OK
}

func feedNext(_ *libc.TLS, cursor uintptr) int32 {
	(*feedCursor)(at(cursor)).row++
	return lib.SQLITE_OK
}

func feedEOF(_ *libc.TLS, cursor uintptr) int32 {
	c := (*feedCursor)(at(cursor))
	if c.row < feedOf(c).rows.Len() {
		return 0
	}
	return 1
}

func feedColumn(tls *libc.TLS, cursor, ctx uintptr, column int32) int32 {
	c := (*feedCursor)(at(cursor))
	f := feedOf(c)
	f.value.tls, f.value.ctx = tls, ctx
	f.rows.Column(c.row, int(column), &f.value)
	return lib.SQLITE_OK
}

func feedRowid(_ *libc.TLS, cursor, out uintptr) int32 {
	*(*int64)(at(out)) = int64((*feedCursor)(at(cursor)).row)
	return lib.SQLITE_OK
}
