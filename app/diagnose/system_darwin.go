package diagnose

import "golang.org/x/sys/unix"

// systemVersion asks the kernel what sw_vers prints.
func systemVersion() (name, number string) {
	number, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return "macOS", ""
	}
	return "macOS " + number, number
}
