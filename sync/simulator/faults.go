package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"healthsync/sync/health"
)

// FaultInfo describes a fault for a person who may switch it on.
type FaultInfo struct {
	// Name is how it is asked for, Arg what may follow after a colon: in
	// brackets where it may be left out, empty where there is none.
	Name string `json:"name"`
	Arg  string `json:"argument,omitempty"`
	// What is what the phone then does.
	What string `json:"what"`
}

// Names of the faults.
const (
	faultExpiredServer  = "expired-server-cert"
	faultEarlyServer    = "not-yet-valid-server-cert"
	faultExpiredClient  = "expired-client-cert"
	faultShortClient    = "short-client-cert"
	faultExpiredCA      = "expired-ca"
	faultWrongName      = "wrong-name"
	faultWrongUsage     = "wrong-usage"
	faultOtherCA        = "other-ca"
	faultSelfSigned     = "self-signed"
	faultBrokenChain    = "broken-chain"
	faultRevoked        = "revoked"
	faultNoClientCert   = "no-client-cert"
	faultForeignCert    = "foreign-client-cert"
	faultStallHandshake = "stall-handshake"
	faultTLS12          = "tls12"
	faultNotTLS         = "not-tls"
	faultRefuse         = "refuse"
	faultReset          = "reset"
	faultHangUp         = "hang-up"
	faultCutPage        = "cut-page"
	faultStallPage      = "stall-page"
	faultNotJSON        = "not-json"
	faultEmptyJSON      = "empty-json"
	faultStall          = "stall"
	faultLocked         = "locked"
	faultRateLimited    = "rate-limited"
	faultHTTP           = "http"
	faultHTTP500        = "http-500"
	faultHasMore        = "wrong-hasmore"
	faultExpiredCode    = "expired-code"
	faultInvalidCode    = "invalid-code"
	faultLockedOut      = "locked-out"
	faultNoSession      = "no-session"
	faultTokenRejected  = "token-rejected"
	faultPermission     = "permission-lost"
	faultDisabled       = "type-disabled"
	faultUnavailable    = "health-unavailable"
	faultClockSkew      = "clock-skew"
	faultNoRenew        = "no-renew"
	faultCrash          = "crash"
)

// Faults lists every fault there is, in the order of a request's way through
// the phone.
func Faults() []FaultInfo {
	return []FaultInfo{
		{faultRefuse, "", "nothing listens on the port any more: connection refused"},
		{faultStallHandshake, "", "takes the connection and never answers the TLS hello"},
		{faultNotTLS, "", "speaks plain HTTP on the port"},
		{faultTLS12, "", "speaks TLS 1.2 only"},
		{faultExpiredServer, "[DURATION]", "its server certificate expired so long ago (default 384h)"},
		{faultEarlyServer, "[DURATION]", "its server certificate becomes valid so much later (default 24h)"},
		{faultExpiredCA, "[DURATION]", "its CA expired so long ago (default 24h; negative: will expire); before pairing"},
		{faultWrongName, "[NAME]", "its server certificate is for another name or address (default 10.9.9.9)"},
		{faultWrongUsage, "", "its server certificate is for clients"},
		{faultOtherCA, "", "its server certificate comes from another CA of the same name: another phone"},
		{faultSelfSigned, "", "its server certificate is self-signed"},
		{faultBrokenChain, "", "its server certificate comes from an intermediate that it does not send"},
		{faultNoClientCert, "[alert]", "takes no client certificate for one: 401 NO_CLIENT_CERTIFICATE or the TLS alert (version 2)"},
		{faultForeignCert, "[alert]", "does not know the CA of the client certificate: 401 or the TLS alert unknown_ca (version 2)"},
		{faultExpiredClient, "[alert]", "takes the client certificate for expired: 401 CERT_HAS_EXPIRED or the TLS alert (version 2)"},
		{faultShortClient, "[DURATION]", "issues client certificates that are valid for so long only (default 10s; version 2)"},
		{faultRevoked, "[alert]", "takes the client certificate for revoked: 403 CERT_REVOKED or the TLS alert (version 2)"},
		{faultReset, "[handshake]", "resets the connection after the request, or in the handshake"},
		{faultHangUp, "", "closes the connection after the request without an answer"},
		{faultStall, "[DURATION]", "answers nothing after the request, for so long (default: ever)"},
		{faultTokenRejected, "", "401: the token is not known any more (version 1)"},
		{faultRateLimited, "", "429 for every request"},
		{faultHTTP500, "", "500 for every request"},
		{faultHTTP, "STATUS", "this status for every request"},
		{faultExpiredCode, "", "the pairing code has expired"},
		{faultInvalidCode, "", "the pairing code is wrong, whatever it is"},
		{faultLockedOut, "", "too many wrong pairing codes"},
		{faultNoSession, "", "no pairing is under way"},
		{faultNoRenew, "", "404 for renew: this phone does not offer it (version 2)"},
		{faultLocked, "", "the phone is locked: 423"},
		{faultDisabled, "TYPE", "a type is no longer enabled: gone from the list, 403 when asked for"},
		{faultPermission, "TYPE", "permission for a type was taken away: no samples, no error"},
		{faultUnavailable, "", "health data is unavailable: status error in a 200"},
		{faultCrash, "[TYPE]", "reading a sample of the type crashes the app (default standHours: the shipping app asks for minutes as a count)"},
		{faultCutPage, "[BYTES]", "cuts the answer off in its body after so many bytes (default: half of it)"},
		{faultStallPage, "[BYTES]", "sends so many bytes of the body (default: half of it) and then nothing more"},
		{faultNotJSON, "", "answers a web page with status 200"},
		{faultEmptyJSON, "", "answers {} with status 200, as the app does where a value is not finite"},
		{faultHasMore, "", "says hasMore where there is no more, and not where there is"},
		{faultClockSkew, "DURATION", "the phone's clock is ahead by so much (negative: behind)"},
	}
}

// FaultError says which fault cannot be switched on.
type FaultError struct{ Fault, Reason string }

func (e *FaultError) Error() string { return fmt.Sprintf("simulator: fault %q: %s", e.Fault, e.Reason) }

// faults are those in force: name to argument. It is never changed, only
// replaced.
type faults map[string]string

func parseFaults(list []string) (faults, error) {
	f := make(faults, len(list))
	for _, text := range list {
		name, arg, has := strings.Cut(text, ":")
		all := Faults()
		i := slices.IndexFunc(all, func(i FaultInfo) bool { return i.Name == name })
		if i < 0 {
			return nil, &FaultError{text, "there is no such fault"}
		}
		info := all[i]
		optional := strings.HasPrefix(info.Arg, "[")
		kind := strings.Trim(info.Arg, "[]")
		switch {
		case has && arg == "":
			return nil, &FaultError{text, "nothing follows the colon"}
		case has && kind == "":
			return nil, &FaultError{text, "it takes no argument"}
		case !has && kind != "" && !optional:
			return nil, &FaultError{text, "it needs an argument: " + name + ":" + kind}
		}
		if has {
			if reason := badFaultArg(kind, arg); reason != "" {
				return nil, &FaultError{text, reason}
			}
		}
		f[name] = arg
	}
	return f, nil
}

func badFaultArg(kind, arg string) string {
	switch kind {
	case "DURATION":
		if _, err := time.ParseDuration(arg); err != nil {
			return "not a duration such as 90s or 24h"
		}
	case "BYTES":
		if n, err := strconv.Atoi(arg); err != nil || n < 0 {
			return "not a number of bytes"
		}
	case "STATUS":
		if n, err := strconv.Atoi(arg); err != nil || n < 200 || n > 599 {
			return "not an HTTP status"
		}
	case "alert", "handshake":
		if arg != kind {
			return "only " + kind + " can follow"
		}
	}
	return ""
}

// with gives the faults of both; more's win.
func (f faults) with(more faults) faults {
	if len(more) == 0 {
		return f
	}
	both := maps.Clone(f)
	maps.Copy(both, more)
	return both
}

func (f faults) has(name string) bool { _, ok := f[name]; return ok }

// duration is the argument of a fault, or def where it has none.
func (f faults) duration(name string, def time.Duration) time.Duration {
	if d, err := time.ParseDuration(f[name]); err == nil {
		return d
	}
	return def
}

// names reports whether the fault is in force for this type. Its argument may
// be a list with commas.
func (f faults) names(name string, t health.Type) bool {
	for one := range strings.SplitSeq(f[name], ",") {
		if one != "" && health.Type(one) == t {
			return true
		}
	}
	return false
}

// SetFaults replaces the faults in force; none clears them. The texts are those
// of [Faults], such as "cut-page:2000". The error is a [*FaultError], and then
// nothing has changed, or what the network says when it comes back after
// "refuse".
func (p *Phone) SetFaults(list ...string) error {
	f, err := parseFaults(list)
	if err != nil {
		return err
	}
	p.faults.Store(&f)
	return p.listenAgain()
}
