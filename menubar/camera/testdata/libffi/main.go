// Command libffi makes a callback and a call the way darwinkit's objc package
// does, with darwinkit's own ffi package (which the test copies beside it) and
// the real libffi.
package main

/*
#include <stdint.h>
typedef int64_t (*callback)(void *self, void *selector, int64_t);
static int64_t call(void *f, int64_t v) { return ((callback)f)(0, 0, v); }
static int8_t yes(void *self) { return 1; }
static void *yes_address(void) { return (void *)yes; }
*/
import "C"

import (
	"os"
	"unsafe"

	"stackfault/ffi"
)

// wrap has the shape of objc/call.go:wrapGoFuncAsMethodIMP for a method of one
// argument: three types with self and selector.
//
//go:noinline
func wrap(arguments int) unsafe.Pointer {
	types := make([]*ffi.Type, arguments+2)
	types[0], types[1] = ffi.TypePointer, ffi.TypePointer
	for i := range arguments {
		types[i+2] = ffi.TypeSint64
	}
	cif, status := ffi.PrepCIF(ffi.TypeSint64, types)
	if status != ffi.OK {
		panic("ffi_prep_cif")
	}
	fn, _, status := ffi.CreateClosure(cif, func(_ *ffi.CIF, ret unsafe.Pointer, args []unsafe.Pointer) {
		*(*int64)(ret) = *(*int64)(args[2]) + 1
	})
	if status != ffi.OK {
		panic("ffi_prep_closure_loc")
	}
	return fn
}

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

// overrun tells how many bytes libffi writes where objc.Call[bool] has one.
func overrun() int {
	cif, _ := ffi.PrepCIF(ffi.TypeUint8, []*ffi.Type{ffi.TypePointer})
	result := make([]byte, 16)
	for i := range result {
		result[i] = 0xAA
	}
	self := unsafe.Pointer(cif)
	ffi.Call(cif, C.yes_address(), unsafe.Pointer(&result[0]), []unsafe.Pointer{unsafe.Pointer(&self)})
	n := len(result)
	for n > 0 && result[n-1] == 0xAA {
		n--
	}
	return n
}

func main() {
	if len(os.Args) > 1 {
		println(overrun())
		return
	}
	fn := wrap(len(os.Args))
	for range 5 {
		smash(20)
		if C.call(fn, 41) != 42 {
			os.Stdout.WriteString("wrong\n")
			return
		}
	}
	os.Stdout.WriteString("sound\n")
}
