//go:build !darwin

package status

// A Secret Service unlocks with the login; seahorse is GNOME's window for it.
const unlockCommand = "seahorse"
