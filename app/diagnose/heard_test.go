package diagnose

import (
	"context"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/pki/trust"
)

// Who was not looked at to the end because the own iPhone was found is said to
// be so, not to be an error.
func TestHeardLine(t *testing.T) {
	w := &walk{now: time.Now()}
	at := pairing.Place{Host: "10.0.0.7", Port: 49321}
	for kind, want := range map[trust.Kind]string{
		trust.Canceled: "an iPhone at 10.0.0.7:49321: not checked",
		trust.Refused:  "an iPhone at 10.0.0.7:49321: ECONNREFUSED",
	} {
		s := pairing.Seen{Place: at, Identity: pairing.Silent, Err: &trust.Failure{Kind: kind, Err: context.Canceled}}
		if got := w.heardLine(s); got != want {
			t.Errorf("%v: %q, want %q", kind, got, want)
		}
	}
}
