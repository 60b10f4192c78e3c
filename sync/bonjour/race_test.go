//go:build race

package bonjour

const raceEnabled = true
