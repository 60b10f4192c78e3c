package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
)

// bounded is a flag that says itself what it takes.
type bounded interface {
	pflag.Value
	takes() string
}

var errOutOfBounds = errors.New("out of bounds")

// number is a flag that takes a whole number within bounds. One that is 0 until
// it is given, and takes no 0, tells whether it was.
type number struct {
	to          *int
	least, most int
}

// numberVar declares a number; most 0 means any.
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
	if err != nil || v < n.least || v > n.most {
		return errOutOfBounds
	}
	*n.to = v
	return nil
}

func (n *number) takes() string {
	if n.most == math.MaxInt {
		return fmt.Sprintf("a whole number from %d upwards", n.least)
	}
	most := strconv.Itoa(n.most)
	if n.most >= 100_000 { // a port has no comma
		most = humanize.Comma(int64(n.most))
	}
	return fmt.Sprintf("a whole number from %d to %s", n.least, most)
}

// span is a flag that takes a time with its unit, not below zero.
type span struct{ to *time.Duration }

func spanVar(f *pflag.FlagSet, to *time.Duration, name string, value time.Duration, usage string) {
	*to = value
	f.Var(&span{to}, name, usage)
}

func (d *span) String() string { return d.to.String() }
func (d *span) Type() string   { return "duration" }

func (d *span) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errOutOfBounds
	}
	*d.to = v
	return nil
}

func (d *span) takes() string { return "a time with its unit (500ms, 30s, 5m)" }
