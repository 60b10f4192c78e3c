package problem_test

import (
	"slices"
	"strings"
	"testing"

	"healthsync/app/problem"
)

// The guide's errors, word for word (guide/fix-auth-errors.md).
var guide = map[problem.Code]string{
	"CERT_HAS_EXPIRED":                "Certificate has expired",
	"CERT_NOT_YET_VALID":              "Certificate is not yet valid",
	"UNABLE_TO_VERIFY_LEAF_SIGNATURE": "Certificate signature verification failed",
	"NO_CLIENT_CERTIFICATE":           "SSL peer did not present a certificate",
	"CERT_REVOKED":                    "Certificate has been revoked",
	"CERT_COMMON_NAME_INVALID":        "Hostname/IP does not match certificate",
	"SELF_SIGNED_CERT_IN_CHAIN":       "Certificate is not trusted",
	"UNSUPPORTED_PROTOCOL":            "TLS protocol version mismatch",
}

func TestTheGuidesWords(t *testing.T) {
	for code, sentence := range guide {
		if row, ok := problem.Lookup(code); !ok || row.Sentence != sentence {
			t.Errorf("%s: %q, the guide says %q", code, row.Sentence, sentence)
		}
	}
}

func TestTableIsWhole(t *testing.T) {
	seen := map[problem.Code]bool{}
	exits := map[problem.Exit]bool{}
	for _, e := range problem.Exits() {
		exits[e.Exit] = true
	}
	for _, row := range problem.Table() {
		if seen[row.Code] {
			t.Errorf("%s stands twice", row.Code)
		}
		seen[row.Code] = true
		if row.Title == "" || row.Sentence == "" || strings.HasSuffix(row.Sentence, ".") {
			t.Errorf("%s: title %q, sentence %q", row.Code, row.Title, row.Sentence)
		}
		if row.Severity == problem.Severe && row.Remedy == (problem.Remedy{}) && row.Code != problem.Usage && row.Code != problem.NotOnThisBuild {
			t.Errorf("%s: a problem without a remedy", row.Code)
		}
		// The menu shows a text without its command.
		for _, end := range []string{"then", "run", "with", "by", "of", "wait"} {
			if strings.HasSuffix(row.Remedy.Text, " "+end) {
				t.Errorf("%s: %q leads up to a command", row.Code, row.Remedy.Text)
			}
		}
		if !exits[row.Exit] {
			t.Errorf("%s: exit %d has no documented meaning", row.Code, row.Exit)
		}
		if row.Severity == problem.Severe && row.Exit == problem.ExitOK {
			t.Errorf("%s: a problem that ends with 0", row.Code)
		}
	}
	for _, row := range problem.Table() {
		for _, h := range row.Hides {
			if !seen[h] {
				t.Errorf("%s hides %s, which is not in the table", row.Code, h)
			}
			if other, _ := problem.Lookup(h); slices.Contains(other.Hides, row.Code) {
				t.Errorf("%s and %s hide each other", row.Code, h)
			}
		}
	}
}

func TestRootCauses(t *testing.T) {
	var all []*problem.Error
	for _, c := range []problem.Code{problem.CertExpiring, problem.ConnRefused, problem.PhoneNotFound, problem.ConnRefused, problem.CertExpiring} {
		all = append(all, problem.New(c, "", nil))
	}
	got := problem.RootCauses(all)
	if len(got) != 2 || got[0].Code != problem.PhoneNotFound || got[1].Code != problem.CertExpiring {
		t.Errorf("RootCauses = %v", got)
	}
}

func TestLines(t *testing.T) {
	e := problem.New(problem.CertHasExpired, "The iPhone's certificate expired on 7 January 2027 (16 days ago).", nil)
	want := "Error: Certificate has expired\nError: CERT_HAS_EXPIRED\nThe iPhone's certificate expired on 7 January 2027 (16 days ago).\nFix: pair again:  healthsync unpair && healthsync scan"
	if got := strings.Join(e.Lines(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if e := problem.New("NO_SUCH_CODE", "", nil); e.Code != problem.Internal {
		t.Errorf("unknown code gave %s", e.Code)
	}
}

// What the table's remedies ask for are actions that there are.
func TestRemedyActions(t *testing.T) {
	known := []string{"", problem.ActSync, problem.ActPair, problem.ActCheck, problem.ActFollow, problem.ActRenew, problem.ActUnlock, problem.ActCameraSettings, problem.ActClockSettings, problem.ActTroubleshoot}
	for _, c := range problem.Table() {
		if !slices.Contains(known, c.Remedy.Action) {
			t.Errorf("%s: there is no action %q", c.Code, c.Remedy.Action)
		}
	}
}
