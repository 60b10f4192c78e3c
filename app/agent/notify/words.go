package notify

import (
	"net"
	"strconv"
	"strings"
	"time"

	"healthsync/app/state"
	"healthsync/sync/civil"
)

// nameLength bounds a device's name in a heading, in characters.
const nameLength = 40

func name(s state.State) string {
	n := []rune(strings.Join(strings.Fields(s.Device), " "))
	switch {
	case len(n) == 0:
		return "the iPhone"
	case len(n) > nameLength:
		return string(n[:nameLength-1]) + "…"
	}
	return string(n)
}

// heading puts the device behind what is wrong.
func heading(what string, s state.State) string {
	if s.Device == "" {
		return what
	}
	return what + " (" + name(s) + ")"
}

// subject says whose a credential is.
func subject(credential string) string {
	switch credential {
	case "client":
		return "This computer's certificate"
	case "server":
		return "The iPhone's certificate"
	case "ca":
		return "The pairing's CA certificate"
	}
	return "The pairing"
}

// subjects names what ends together, with the verb.
func subjects(list []state.Credential, one, many string) string {
	if len(list) == 1 {
		return strings.TrimSpace(subject(list[0].Name)) + " " + one
	}
	return "The pairing's certificates " + many
}

// when says when something ends: today, tomorrow, or the date. A number of days
// would be another than the menu's, which counts whole ones.
func when(end, now time.Time) string {
	switch date := day(end, now); date {
	case day(now, now):
		return "today"
	case day(civil.StartOf(now, 1), now):
		return "tomorrow"
	default:
		return "on " + date
	}
}

func day(t, now time.Time) string { return t.In(now.Location()).Format("2 January 2006") }

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func host(place string) string {
	h, _, err := net.SplitHostPort(place)
	if err != nil {
		return place
	}
	return h
}
