package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"healthsync/sync/health"
)

// Key is one setting by its dotted name.
type Key struct {
	Name    string
	Default string   // as shown where nothing is set
	Accept  string   // what a value may be, for help and errors
	Values  []string // some that it may be, for a shell to complete
	get     func(*Config) string
	set     func(*Config, string) error
	unset   func(*Config)
}

// Get gives the value as text, or "" where it is not set.
func (k Key) Get(c Config) string { return k.get(&c) }

// Set changes the value; an *InvalidError says what is accepted.
func (k Key) Set(c *Config, value string) error { return k.set(c, value) }

// Unset goes back to the default.
func (k Key) Unset(c *Config) { k.unset(c) }

var errValue = errors.New("value not accepted")

// Keys lists all settings in the order in which they are shown.
func Keys() []Key {
	keys := []Key{
		{Name: "server.host", Default: "(as paired)",
			Accept: "a local IP address (fe80::1%en0 with its interface) or a name ending in .local",
			get:    func(c *Config) string { return c.Server.Host }, unset: func(c *Config) { c.Server.Host = "" },
			set: func(c *Config, v string) error {
				return assign(&c.Server.Host, strings.Trim(v, "[]"),
					validHost(v))
			}},
		{Name: "server.port", Default: "(as paired)", Accept: "a port from 1 to 65535",
			get: func(c *Config) string { return number(c.Server.Port) }, unset: func(c *Config) { c.Server.Port = 0 },
			set: func(c *Config, v string) error {
				n, err := strconv.Atoi(v)
				return assign(&c.Server.Port, n, err == nil && n >= 1 && n <= 65535)
			}},
		{Name: "sync.interval", Default: "1h", Accept: "15m, 1h, 1d or any time from 5m, or manual",
			Values: []string{"15m", "1h", "1d", "manual"},
			get:    func(c *Config) string { return c.Sync.Interval }, unset: func(c *Config) { c.Sync.Interval = "" },
			set: func(c *Config, v string) error {
				d, err := parseDuration(v)
				return assign(&c.Sync.Interval, v, v == "manual" || err == nil && d >= 5*time.Minute)
			}},
		{Name: "sync.types", Default: "all",
			Accept: "all, or types and groups with commas between them (healthsync types --list)",
			get: func(c *Config) string {
				return strings.Join(c.Sync.Types,
					",")
			}, unset: func(c *Config) { c.Sync.Types = nil },
			set: setTypes},
		{Name: "sync.since", Default: "(everything)", Accept: "a date like 2020-01-31",
			get: func(c *Config) string { return c.Sync.Since }, unset: func(c *Config) { c.Sync.Since = "" },
			set: func(c *Config, v string) error {
				_, err := time.Parse(time.DateOnly, v)
				return assign(&c.Sync.Since, v, err == nil)
			}},
		{Name: "sync.lookback", Default: "14d", Accept: "a time from 1h to 365d, like 12h or 30d",
			Values: []string{"7d", "14d", "30d"},
			get:    func(c *Config) string { return c.Sync.Lookback }, unset: func(c *Config) { c.Sync.Lookback = "" },
			set: func(c *Config, v string) error {
				d, err := parseDuration(v)
				return assign(&c.Sync.Lookback, v, err == nil && d >= time.Hour && d <= 365*24*time.Hour)
			}},
		{Name: "sources.priority", Default: prioritySample,
			Accept: "names of sources with commas between them, the first counts; * is any text (healthsync sql \"SELECT DISTINCT source FROM origin\"); back to the default: healthsync config reset sources.priority",
			get: func(c *Config) string {
				return strings.Join(c.Sources.Priority,
					",")
			}, unset: func(c *Config) { c.Sources.Priority = nil },
			set: setPriority},
		{Name: "notify.expiryDays", Default: "30,7,1", Accept: "days with commas between them, each from 1 to 365",
			get:   func(c *Config) string { return joinInts(c.Notify.ExpiryDays) },
			unset: func(c *Config) { c.Notify.ExpiryDays = nil },
			set:   setExpiryDays},
		{Name: "menu.today", Default: "false", Accept: "true or false", Values: []string{"true", "false"},
			get: func(c *Config) string {
				if c.Menu.Today {
					return "true"
				}
				return ""
			}, unset: func(c *Config) { c.Menu.Today = false },
			set: func(c *Config, v string) error {
				return assign(&c.Menu.Today, v == "true", v == "true" || v == "false")
			}},
	}
	for i := range keys {
		k, set := &keys[i], keys[i].set
		k.set = func(c *Config, v string) error {
			if err := set(c, v); err != nil {
				return &InvalidError{Key: k.Name, Value: v, Accept: k.Accept, Err: err}
			}
			return nil
		}
	}
	return keys
}

// Find looks a key up by its name, in any case.
func Find(name string) (Key, bool) {
	keys := Keys()
	i := slices.IndexFunc(keys, func(k Key) bool { return strings.EqualFold(k.Name, name) })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

func assign[T any](to *T, value T, ok bool) error {
	if !ok {
		return errValue
	}
	*to = value
	return nil
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func joinInts(ns []int) string {
	parts := make([]string, len(ns))
	for i, n := range ns {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}

// validHost checks the text only; that the address is a local one is checked
// where it is dialled, because a name says nothing about it.
func validHost(v string) bool {
	if a, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil {
		if a.Is6() && a.IsLinkLocalUnicast() {
			return a.Zone() != "" // without one it cannot be dialled (RFC 4007 section 11)
		}
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
	}
	name := strings.TrimSuffix(strings.ToLower(v), ".")
	return (name == "localhost" || strings.HasSuffix(name, ".local")) && !strings.ContainsAny(v, " /:@")
}

func setTypes(c *Config, v string) error {
	if v == "all" {
		c.Sync.Types = nil
		return nil
	}
	var out []string
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		if _, err := health.Resolve(part); err != nil {
			return fmt.Errorf("%q: %w", part, err)
		}
		out = append(out, part)
	}
	c.Sync.Types = out
	return nil
}

func setExpiryDays(c *Config, v string) error {
	var out []int
	for part := range strings.SplitSeq(v, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > 365 {
			return errValue
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b int) int { return b - a })
	c.Notify.ExpiryDays = slices.Compact(out)
	return nil
}

// parseDuration reads what time.ParseDuration reads, and days: 7d, 1.5d.
func parseDuration(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n < 0 || n > 36500 {
			return 0, errValue
		}
		return time.Duration(n * float64(24*time.Hour)), nil
	}
	return time.ParseDuration(v)
}

// prioritySample is how the default order of sources is shown. It is no list of
// names.
const prioritySample = "(entered by hand, Watch, iPhone, others)"

// setPriority takes names as they are, but for blanks around them. What was
// meant as another list, or copied from what is shown, would be a name that
// nothing has.
func setPriority(c *Config, v string) error {
	if trimmed := strings.TrimSpace(v); trimmed == prioritySample || json.Valid([]byte(trimmed)) &&
		strings.HasPrefix(trimmed, "[") || strings.ContainsFunc(v, unicode.IsControl) {
		return errValue
	}
	var names []string
	for name := range strings.SplitSeq(v, ",") {
		name = strings.TrimSpace(name)
		if name == "" || slices.Contains(names, name) {
			return errValue
		}
		names = append(names, name)
	}
	c.Sources.Priority = names
	return nil
}
