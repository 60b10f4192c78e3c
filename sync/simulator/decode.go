package simulator

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// This file reads requests as the app's JSONDecoder does: names of members are
// case-sensitive, unknown ones are passed over, null stands for an absent
// optional, and 10.0 is an integer while "10" is not.

// errDecode stands for any DecodingError: the app never says which it was.
var errDecode = errors.New("simulator: the body cannot be decoded")

type members map[string]json.RawMessage

func decodeObject(body []byte) (members, error) {
	if !utf8.Valid(body) {
		return nil, errDecode
	}
	var m members
	if json.Unmarshal(body, &m) != nil || m == nil {
		return nil, errDecode
	}
	return m, nil
}

func (m members) string(key string) (string, error) {
	raw := m[key]
	if len(raw) == 0 || raw[0] != '"' {
		return "", errDecode
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", errDecode
	}
	return s, nil
}

func (m members) strings(key string) ([]string, error) {
	raw := m[key]
	if len(raw) == 0 || raw[0] != '[' {
		return nil, errDecode
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, errDecode
	}
	out := make([]string, len(items))
	for i, item := range items {
		s, err := members{"": item}.string("")
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

// integer reads an Int; ok is false where it is absent or null.
func (m members) integer(key string) (n int64, ok bool, err error) {
	raw := m[key]
	if len(raw) == 0 || string(raw) == "null" {
		return 0, false, nil
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') || len(raw) > 64 {
		return 0, false, errDecode
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return 0, false, errDecode
	}
	return int64(f), true, nil
}

func (m members) date(key string) (unix int64, err error) {
	s, err := m.string(key)
	if err != nil {
		return 0, err
	}
	return parseDate(s)
}

// parseDate reads what Date.ISO8601FormatStyle() of iOS 17 and 18 reads
// (swift-foundation, DateComponents+ISO8601FormatStyle.swift): date, T, time
// and a zone, no fraction of a second, and whatever may follow the zone is not
// looked at. From Swift 6.2 on a fraction is read too; the refusal is what a
// client has to live with.
func parseDate(s string) (unix int64, err error) {
	p := dateParser{rest: s}
	year := p.digits(0, 1, 9999)
	p.expect('-')
	month := p.digits(0, 1, 12)
	p.expect('-')
	day := p.digits(0, 1, 31)
	p.expect('T')
	hour := p.digits(2, 0, 24)
	p.expect(':')
	minute := p.digits(2, 0, 59)
	p.expect(':')
	second := p.digits(2, 0, 60)
	if second == 60 {
		second = 59 // Foundation knows no leap seconds
	}
	offset := p.zone()
	if p.failed || hour == 24 && (minute != 0 || second != 0) {
		return 0, errDecode
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t.Unix() - int64(offset), nil
}

type dateParser struct {
	rest   string
	failed bool
}

func (p *dateParser) expect(c byte) {
	if p.rest == "" || p.rest[0] != c {
		p.failed = true
		return
	}
	p.rest = p.rest[1:]
}

// digits reads a number of at most limit digits; limit 0 is any number.
func (p *dateParser) digits(limit, low, high int) int {
	n, i := 0, 0
	for i < len(p.rest) && (limit == 0 || i < limit) && p.rest[i] >= '0' && p.rest[i] <= '9' {
		if n < math.MaxInt32 {
			n = n*10 + int(p.rest[i]-'0')
		}
		i++
	}
	if i == 0 || n < low || n > high {
		p.failed = true
	}
	p.rest = p.rest[i:]
	return n
}

// zone reads Z, GMT, UTC or an offset, with and without its colon, in seconds.
func (p *dateParser) zone() int {
	if p.rest == "" {
		p.failed = true
		return 0
	}
	named := false
	switch upper := strings.ToUpper(p.rest[:min(3, len(p.rest))]); {
	case upper[0] == 'Z':
		return 0
	case upper == "GMT" || upper == "UTC":
		p.rest = p.rest[3:]
		named = true
	}
	sign := 1
	switch {
	case strings.HasPrefix(p.rest, "+"):
	case strings.HasPrefix(p.rest, "-"):
		sign = -1
	default:
		p.failed = p.failed || !named
		return 0
	}
	p.rest = p.rest[1:]
	h := p.digits(2, 0, 18)
	p.rest = strings.TrimPrefix(p.rest, ":")
	m := 0
	if p.rest != "" && p.rest[0] >= '0' && p.rest[0] <= '9' {
		m = p.digits(2, 0, 59)
	}
	return sign * (h*3600 + m*60)
}
