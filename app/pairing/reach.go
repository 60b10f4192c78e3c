package pairing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/phone"
)

// ClockError says that a certificate was out of date by this Mac's clock, and
// that the iPhone's clock says another time: one of the clocks is to blame,
// not the certificate.
type ClockError struct {
	// Ahead is how far the iPhone's clock is ahead of this Mac's.
	Ahead    time.Duration
	PairedAt time.Time
	Err      error
}

func (e *ClockError) Error() string {
	return fmt.Sprintf("the clocks differ by %s: %v", e.Ahead.Abs().Round(time.Second), e.Err)
}
func (e *ClockError) Unwrap() error { return e.Err }

// Reach asks the iPhone how it is, wherever it is now. It is the first thing
// every command does: the answer also says which types are shared. Before a
// date is held against a certificate, both clocks are compared.
func (l *Link) Reach(ctx context.Context) (phone.Status, error) {
	st, err := l.ask(ctx)
	if err == nil {
		return st, l.Seen(st.Name, st.Report)
	}
	if clock := l.compareClocks(ctx, err); clock != nil {
		return phone.Status{}, clock
	}
	return phone.Status{}, l.Explain(err)
}

// compareClocks asks the iPhone for its time where a date was held against a
// certificate. Everything but the dates is verified as ever on that connection.
// nil means that the clocks agree, or that it cannot be known.
func (l *Link) compareClocks(ctx context.Context, err error) error {
	var f *trust.Failure
	if !errors.As(err, &f) || f.Kind != trust.Expired && f.Kind != trust.NotYetValid {
		return nil
	}
	lenient := *l.dialer
	lenient.DatesAdvisory = true
	client, cerr := phone.New(l.computer.clientConfig(l.Record.Protocol, l.Host, l.Port, &lenient,
		LinkOptions{WaitLimit: -1}, l.token))
	if cerr != nil {
		return nil
	}
	st, cerr := client.Status(ctx)
	if cerr != nil || st.Skew.Abs() <= pki.ClockLeeway {
		return nil
	}
	return &ClockError{Ahead: st.Skew, PairedAt: l.Record.PairedAt, Err: err}
}
