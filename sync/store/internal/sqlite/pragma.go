package sqlite

import (
	"runtime"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Denied is SQLite's code for what a guard did not allow.
const Denied Code = lib.SQLITE_AUTH

// Pragma is a PRAGMA statement as SQLite's own parser read it, or one that a
// table-valued function (pragma_table_info and the like) stands for.
type Pragma struct {
	Name  string // without quotes, as it was written
	Value string
	Given bool // there is a value, which may be empty
}

// guard is what SQLite asks. SQLite holds its address, so it is pinned while
// the connection is open.
type guard struct {
	pin   runtime.Pinner
	allow func(Pragma) bool
}

// Guard has allow asked about every PRAGMA that c compiles from now on, before
// anything of it takes effect (https://sqlite.org/c3ref/set_authorizer.html).
// What it does not allow fails with [Denied]. It must not use c, and is set once.
func (c *Conn) Guard(allow func(Pragma) bool) error {
	g := &guard{allow: allow}
	g.pin.Pin(g)
	c.guard = g
	if rc := lib.Xsqlite3_set_authorizer(c.tls, c.db, function(authorize), address(g)); rc != lib.SQLITE_OK {
		return c.fail(rc)
	}
	return nil
}

func authorize(_ *libc.TLS, aux uintptr, action int32, name, value, _, _ uintptr) int32 {
	if action != lib.SQLITE_PRAGMA {
		return lib.SQLITE_OK
	}
	p := Pragma{Name: libc.GoString(name), Given: value != 0}
	if p.Given {
		p.Value = libc.GoString(value)
	}
	if (*guard)(at(aux)).allow(p) {
		return lib.SQLITE_OK
	}
	return lib.SQLITE_DENY
}
