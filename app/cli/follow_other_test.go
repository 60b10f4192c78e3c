//go:build !linux

package cli_test

// addPrograms adds none: network namespaces are Linux's.
func addPrograms(map[string]func()) {}
