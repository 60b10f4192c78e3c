//go:build !darwin

package cli

const permissionHint = "No firewall blocks multicast DNS (UDP port 5353)."
