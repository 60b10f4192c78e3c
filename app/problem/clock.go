package problem

import (
	"fmt"
	"healthsync/app/words"
	"time"
)

// Skew explains a difference of clocks. Which of the two is wrong cannot be
// seen from one of them alone; but a clock that is behind the moment of the
// pairing, which lies in the past for certain, is the wrong one.
func Skew(ahead time.Duration, now, pairedAt time.Time) *Error {
	phone := now.Add(ahead)
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	detail := fmt.Sprintf("The iPhone's clock is %s %s this computer's: %s there, %s here.", words.Span(ahead),
		direction,
		phone.Local().Format("2 January 2006 15:04"), now.Local().Format("2 January 2006 15:04"))
	e := New(ClockSkew, detail, nil)
	switch {
	case now.Before(pairedAt):
		e.Sentence = "This computer's clock is wrong"
		e.Detail += fmt.Sprintf("\nThis computer's is the wrong one: it is before %s, when it was paired.",
			pairedAt.Local().Format("2 January 2006 15:04"))
	case phone.Before(pairedAt):
		e.Sentence = "The iPhone's clock is wrong"
		e.Detail += fmt.Sprintf("\nThe iPhone's is the wrong one: it is before %s, when it was paired.",
			pairedAt.Local().Format("2 January 2006 15:04"))
	}
	return e
}

// Expiring explains that something ends soon.
func Expiring(code Code, whose string, end, now time.Time) *Error {
	return New(code, fmt.Sprintf("%s ends on %s, in %s.", whose, words.Day(end), words.Span(end.Sub(now))), nil)
}
