package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// maxPort is the highest port of TCP (RFC 9293 section 3.1: 16 bits).
const maxPort = 65535

// number is a flag for a whole number from least to most.
type number struct {
	to          *int
	least, most int
}

// numberVar declares a number; most 0 means any. If least is above 0, a value
// of 0 means that the flag was not given.
func numberVar(f *pflag.FlagSet, to *int, name string, value, least, most int, usage string) {
	*to = value
	if most == 0 {
		most = math.MaxInt
	}
	f.Var(&number{to, least, most}, name, usage)
}

func (n *number) String() string { return strconv.Itoa(*n.to) }
func (n *number) Type() string   { return "int" }

func (n *number) Set(s string) error {
	v, err := strconv.Atoi(s)
	switch {
	case err == nil && v >= n.least && v <= n.most:
		*n.to = v
		return nil
	case n.most == math.MaxInt:
		return fmt.Errorf("use a whole number from %d up", n.least)
	}
	return fmt.Errorf("use a whole number from %d to %d", n.least, n.most)
}

// span is a flag for a length of time: a number with its unit (500ms, 30s, 2m),
// or without one where the flag has a unit of its own.
type span struct {
	to   *time.Duration
	unit string // "" where a bare number is refused
}

func spanVar(f *pflag.FlagSet, to *time.Duration, name string, value time.Duration, unit, usage string) {
	*to = value
	f.Var(&span{to, unit}, name, usage)
}

func (d *span) String() string {
	if *d.to == 0 {
		return ""
	}
	return d.to.String()
}

func (d *span) Type() string { return "duration" }

func (d *span) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil && d.unit != "" {
		v, err = time.ParseDuration(s + d.unit)
	}
	if err != nil || v < 0 {
		return errors.New(map[string]string{
			"m":  "use minutes (2), or a number with its unit (90s, 1h)",
			"ms": "use milliseconds (30000), or a number with its unit (30s, 1m)",
			"":   "use a time with its unit (500ms, 30s, 2m)",
		}[d.unit])
	}
	*d.to = v
	return nil
}
