package trust_test

import (
	"time"

	"healthsync/app/problem"
	"healthsync/pki/trust"
)

// docs/tls-errors.md shows codes. They belong to app/problem, which this package
// must not import: its tests are given the function here.
func init() {
	trust.ReportedCode = func(f *trust.Failure) string { return string(problem.From(f, time.Now()).Code) }
}
