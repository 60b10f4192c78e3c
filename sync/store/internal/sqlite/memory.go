package sqlite

import (
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
)

const ptrSize = types.Size_t(unsafe.Sizeof(uintptr(0)))

// at turns an address that SQLite's half gave us into a pointer. Such memory
// is libc's, not Go's: the collector neither moves nor frees it. Taking the
// pointer by way of the variable tells vet that this is meant.
func at(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// address is the way back, for memory that is pinned or libc's.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// function gives the address that SQLite's half calls f by: a Go func value
// is a pointer to the code's address (https://go.dev/s/go11func), and the
// transpiled code calls a uintptr as such a value.
func function[T any](f T) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

// alloc gives n zeroed bytes of libc's memory. libc aborts the process itself
// when the system has no more.
func alloc(tls *libc.TLS, n types.Size_t) uintptr { return libc.Xcalloc(tls, 1, n) }

// bytesAt is a view of n bytes of libc's memory.
func bytesAt(p uintptr, n int) []byte {
	if n == 0 || p == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(at(p)), n)
}
