package store

import (
	"os"
	"time"
)

// systemZone gives the time zone of the system as it is now. Package time reads
// it once in a process: a program that runs for weeks would keep the zone of its
// start, and make all daily totals anew in turn with one that was started after a
// flight. The variable TZ goes before the system's zone and does not change.
func systemZone() *time.Location {
	if _, ok := os.LookupEnv("TZ"); ok {
		return time.Local
	}
	data, err := os.ReadFile("/etc/localtime")
	if err != nil {
		return time.Local
	}
	zone, err := time.LoadLocationFromTZData("Local", data)
	if err != nil {
		return time.Local
	}
	return zone
}
