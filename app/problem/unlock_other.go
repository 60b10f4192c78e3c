//go:build !darwin

package problem

// A Secret Service unlocks with the login; seahorse is GNOME's window for it.
const unlockCommand = "seahorse"
