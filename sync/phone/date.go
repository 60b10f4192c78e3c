package phone

import "time"

// The seconds that the wire can say: year 1 to year 9999.
const (
	minDate = -62135596800
	maxDate = 253402300799
)

// appendDate appends Unix seconds as the only form of ISO 8601 that the app's
// decoder takes (Foundation's .iso8601 strategy): no fraction, no offset.
func appendDate(dst []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(dst, "2006-01-02T15:04:05Z")
}

// parseDate reads a date of RFC 3339 into Unix seconds, rounded down. The app
// writes 2026-01-07T08:15:30Z; offsets and fractions are understood for an app
// of tomorrow.
func parseDate(b []byte) (unix int64, ok bool) {
	if len(b) < 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	year := two(b[0:])*100 + two(b[2:])
	month, day := two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	// two gives 1000 and more for what is not a digit. A leap second counts as
	// the second after it, as POSIX time has no name for it.
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	unix = daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	if len(b) == 20 && b[19] == 'Z' {
		return unix, true
	}
	rest := b[19:]
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && rest[n]-'0' <= 9 {
			n++
		}
		if n == 1 || n == len(rest) {
			return 0, false
		}
		rest = rest[n:] // whole seconds: a fraction is cut, as the app does
	}
	if len(rest) == 1 && rest[0] == 'Z' {
		return unix, true
	}
	if len(rest) != 6 || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' {
		return 0, false
	}
	hour, minute = two(rest[1:]), two(rest[4:])
	if hour > 23 || minute > 59 {
		return 0, false
	}
	offset := int64(hour*3600 + minute*60)
	if rest[0] == '-' {
		offset = -offset
	}
	return unix - offset, true
}

// two reads two digits; what is not a digit gives 1000 or more.
func two(b []byte) int {
	hi, lo := b[0]-'0', b[1]-'0'
	if hi > 9 || lo > 9 {
		return 1000
	}
	return int(hi)*10 + int(lo)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysFromCivil counts the days since 1970-01-01 in the Gregorian calendar
// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func daysFromCivil(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yoe := year - era*400
	doy := (153*(month-3)+2)/5 + day - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}
