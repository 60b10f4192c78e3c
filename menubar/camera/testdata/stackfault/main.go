// Command stackfault does in Go alone what darwinkit does with libffi: it
// keeps the address of a slice of variable length as an integer, and looks
// through it after the function that made the slice has returned.
package main

import (
	"os"
	"runtime"
	"unsafe"
)

var mark = new(int)

// cif stands for libffi's ffi_cif, which lies in the heap and points to the
// list of the argument types.
type cif struct{ types unsafe.Pointer }

// prep stands for ffi.PrepCIF: the pointer arrives as an integer.
//
//go:noinline
func prep(types uintptr) *cif { return &cif{*(*unsafe.Pointer)(unsafe.Pointer(&types))} }

// wrap has the shape of objc/call.go:wrapGoFuncAsMethodIMP.
//
//go:noinline
func wrap(n int) *cif {
	types := make([]*int, n)
	for i := range types {
		types[i] = mark
	}
	c := prep(uintptr(unsafe.Pointer(&types[0])))
	runtime.KeepAlive(types)
	return c
}

// smash uses the stack that wrap has given back.
//
//go:noinline
func smash(n int) uintptr {
	var a [64]uintptr
	for i := range a {
		a[i] = uintptr(n*i) | 1
	}
	if n > 0 {
		return smash(n-1) + a[n%64]
	}
	return a[3]
}

func main() {
	c := wrap(len(os.Args) + 2)
	smash(20)
	if *(**int)(c.types) != mark {
		os.Stdout.WriteString("dangling\n")
		return
	}
	os.Stdout.WriteString("sound\n")
}
