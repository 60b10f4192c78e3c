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

// Faults lists every fault there is, in the order of a request's way through
// the phone.
func Faults() []FaultInfo {
	return []FaultInfo{
		{"refuse", "", "nothing listens on the port any more: connection refused"},
		{"stall-handshake", "", "takes the connection and never answers the TLS hello"},
		{"not-tls", "", "speaks plain HTTP on the port"},
		{"tls12", "", "speaks TLS 1.2 only"},
		{"expired-server-cert", "[DURATION]", "its server certificate expired so long ago (default 384h)"},
		{"not-yet-valid-server-cert", "[DURATION]", "its server certificate becomes valid so much later (default 24h)"},
		{"expired-ca", "[DURATION]", "its CA expired so long ago (default 24h; negative: will expire); before pairing"},
		{"wrong-name", "[NAME]", "its server certificate is for another name or address (default 10.9.9.9)"},
		{"wrong-usage", "", "its server certificate is for clients"},
		{"other-ca", "", "its server certificate comes from another CA of the same name: another phone"},
		{"self-signed", "", "its server certificate is self-signed"},
		{"broken-chain", "", "its server certificate comes from an intermediate that it does not send"},
		{"no-client-cert", "[alert]",
			"takes no client certificate for one: 401 NO_CLIENT_CERTIFICATE or the TLS alert (version 2)"},
		{"foreign-client-cert", "[alert]",
			"does not know the CA of the client certificate: 401 or the TLS alert unknown_ca (version 2)"},
		{"expired-client-cert", "[alert]",
			"takes the client certificate for expired: 401 CERT_HAS_EXPIRED or the TLS alert (version 2)"},
		{"short-client-cert", "[DURATION]",
			"issues client certificates that are valid for so long only (default 10s; version 2)"},
		{"revoked", "[alert]", "takes the client certificate for revoked: 403 CERT_REVOKED or the TLS alert (version 2)"},
		{"reset", "[handshake]", "resets the connection after the request, or in the handshake"},
		{"hang-up", "", "closes the connection after the request without an answer"},
		{"stall", "[DURATION]", "answers nothing after the request, for so long (default: ever)"},
		{"token-rejected", "", "401: the token is not known any more (version 1)"},
		{"rate-limited", "", "429 for every request"},
		{"http-500", "", "500 for every request"},
		{"http", "STATUS", "this status for every request"},
		{"expired-code", "", "the pairing code has expired"},
		{"invalid-code", "", "the pairing code is wrong, whatever it is"},
		{"locked-out", "", "too many wrong pairing codes"},
		{"no-session", "", "no pairing is under way"},
		{"no-renew", "", "404 for renew: this phone does not offer it (version 2)"},
		{"locked", "", "the phone is locked: 423"},
		{"type-disabled", "TYPE", "a type is no longer enabled: gone from the list, 403 when asked for"},
		{"permission-lost", "TYPE", "permission for a type was taken away: no samples, no error"},
		{"health-unavailable", "", "health data is unavailable: status error in a 200"},
		{"crash", "[TYPE]",
			"reading a sample of the type crashes the app (default standHours: the shipping app asks for minutes as a count)"},
		{"cut-page", "[BYTES]", "cuts the answer off in its body after so many bytes (default: half of it)"},
		{"stall-page", "[BYTES]", "sends so many bytes of the body (default: half of it) and then nothing more"},
		{"not-json", "", "answers a web page with status 200"},
		{"empty-json", "", "answers {} with status 200, as the app does where a value is not finite"},
		{"wrong-hasmore", "", "says hasMore where there is no more, and not where there is"},
		{"clock-skew", "DURATION", "the phone's clock is ahead by so much (negative: behind)"},
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
	all := Faults()
	for _, text := range list {
		name, arg, has := strings.Cut(text, ":")
		i := slices.IndexFunc(all, func(i FaultInfo) bool { return i.Name == name })
		if i < 0 {
			return nil, &FaultError{text, "there is no such fault"}
		}
		kind := strings.Trim(all[i].Arg, "[]")
		optional := kind != all[i].Arg
		reason := ""
		switch {
		case has && arg == "":
			reason = "nothing follows the colon"
		case has && kind == "":
			reason = "it takes no argument"
		case has:
			reason = badArgument(kind, arg)
		case kind != "" && !optional:
			reason = "it needs an argument: " + name + ":" + kind
		}
		if reason != "" {
			return nil, &FaultError{text, reason}
		}
		f[name] = arg
	}
	return f, nil
}

func badArgument(kind, arg string) string {
	n, err := strconv.Atoi(arg)
	switch kind {
	case "DURATION":
		if _, err := time.ParseDuration(arg); err != nil {
			return "not a duration such as 90s or 24h"
		}
	case "BYTES":
		if err != nil || n < 0 {
			return "not a number of bytes"
		}
	case "STATUS":
		if err != nil || n < 200 || n > 599 {
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
	return f.has(name) && slices.Contains(strings.Split(f[name], ","), string(t))
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
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stop == nil:
	case f.has("refuse"):
		p.closeListener()
	case p.listener == nil:
		return p.listen(p.addr.String())
	}
	return nil
}
