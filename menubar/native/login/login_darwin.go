package login

/*
#cgo CFLAGS: -x objective-c -fobjc-arc
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework ServiceManagement
#include <stdlib.h>
int hs_login_status(void);
char *hs_login_set(int on);
void hs_login_settings(void);
*/
import "C"

import (
	"errors"
	"os"
	"path/filepath"
	"unsafe"
)

// service is SMAppService's status, -1 where it cannot be used.
func service(exe string) int {
	if !InBundle(exe) {
		return -1
	}
	return int(C.hs_login_status())
}

func agent(exe string) (file, error) {
	home, err := os.UserHomeDir()
	return file{filepath.Join(home, "Library", "LaunchAgents", Label+".plist"), launchAgent(exe)}, err
}

// Get says how it stands.
func Get() (Status, error) {
	exe, err := program()
	if err != nil {
		return Off, err
	}
	switch service(exe) {
	case -1:
		f, err := agent(exe)
		if err != nil {
			return Off, err
		}
		return f.status()
	case 1:
		return On, nil
	case 2:
		return NeedsApproval, nil
	}
	return Off, nil
}

// Set switches it on or off, from the next login on. launchctl is not asked to
// load or unload anything now: that would start a second copy, or end this one.
func Set(on bool) error {
	exe, err := program()
	if err != nil {
		return err
	}
	if service(exe) < 0 {
		f, err := agent(exe)
		if err != nil {
			return err
		}
		return f.set(on)
	}
	var flag C.int
	if on {
		flag = 1
	}
	if text := C.hs_login_set(flag); text != nil {
		defer C.free(unsafe.Pointer(text))
		err = errors.New("login: " + C.GoString(text))
	}
	if on && service(exe) == 2 {
		C.hs_login_settings()
		return ErrNeedsApproval
	}
	return err
}
