package problem

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"healthsync/app/words"
	"healthsync/sync/engine"
	"healthsync/sync/health"
	"healthsync/sync/phone"
)

// phoneError knows what an iPhone answered.
func phoneError(err error, _ time.Time) *Error {
	var (
		locked   *phone.LockedError
		limited  *phone.RateLimitedError
		token    *phone.TokenRejectedError
		types    *phone.TypeNotEnabledError
		noPerm   *phone.NoPermissionError
		failed   *phone.PhoneError
		bad      *phone.BadRequestError
		pairing  *phone.PairingError
		cut      *phone.TruncatedError
		notJSON  *phone.NotJSONError
		answer   *phone.AnswerError
		empty    *phone.EmptyAnswerError
		large    *phone.TooLargeError
		http     *phone.HTTPError
		offered  *phone.NotOfferedError
		unknownT *health.UnknownTypeError
		partly   *engine.UnreadableError
	)
	switch {
	case errors.As(err, &partly):
		return unreadable(partly, err)
	case errors.As(err, &locked):
		return New(PhoneLocked, "", err)
	case errors.As(err, &limited):
		return New(RateLimited, fmt.Sprintf("Its budget is used up for another %s.", words.Span(limited.RetryAfter)),
			err)
	case errors.As(err, &token):
		return New(TokenRejected, "It was paired anew, its app was reinstalled, or the pairing was removed there.", err)
	case errors.As(err, &types):
		return New(TypeNotEnabled, "Asked for: "+join(types.Types)+".", err)
	case errors.As(err, &noPerm):
		return New(TypeNotEnabled, "The app on the iPhone has no permission to read health data.", err)
	case errors.As(err, &pairing):
		return pairingRefused(pairing, err)
	case errors.As(err, &cut):
		return New(ResponseCut, fmt.Sprintf("%d of %d bytes arrived; nothing of this answer was kept, everything before it was.", cut.Got, cut.Want), err)
	case errors.As(err, &notJSON):
		return New(ResponseInvalid, fmt.Sprintf("The answer stops making sense at byte %d; nothing of it was kept.",
			notJSON.Offset), err)
	case errors.As(err, &answer), errors.As(err, &large), errors.As(err, &bad):
		return New(ResponseInvalid, words.Capital(lastLine(err))+"; nothing of it was kept.", err)
	case errors.As(err, &empty):
		return New(PhoneError, "It could not write its answer, as happens when one value is no number; a shorter range may work.", err)
	case errors.As(err, &failed):
		return New(PhoneError, quoted(failed.Message), err)
	case errors.As(err, &offered):
		return New(RenewUnavailable, "This iPhone app does not offer it.", err)
	case errors.As(err, &http):
		return New(PhoneError, strings.TrimSpace(fmt.Sprintf("HTTP status %d. %s", http.Status, quoted(http.Message))),
			err)
	case errors.As(err, &unknownT):
		e := New(UnknownType, fmt.Sprintf("%q is not a known type.", unknownT.Name), err)
		if len(unknownT.Nearest) > 0 {
			e.Remedy.Text = fmt.Sprintf("did you mean %s? All names", strings.Join(unknownT.Nearest, ", "))
		}
		return e
	}
	return nil
}

// unreadable says what a fetch could not print: single seconds of a type, or all
// that was left of one over which the app stops.
func unreadable(partly *engine.UnreadableError, err error) *Error {
	var parts, whole []health.Type
	for _, p := range partly.Parts {
		list := &parts
		if p.Span.To-p.Span.From > 1 {
			list = &whole
		}
		if !slices.Contains(*list, p.Type) {
			*list = append(*list, p.Type)
		}
	}
	var said []string
	if len(whole) > 0 {
		said = append(said, fmt.Sprintf("Its app stops when it is asked for %s.", join(whole)))
	}
	if len(parts) > 0 {
		said = append(said, fmt.Sprintf("It cannot serve a part of %s.", join(parts)))
	}
	e := New(PhoneError, strings.Join(said, " ")+" All the rest was printed.", err)
	if len(whole) > 0 {
		e.Remedy = Remedy{Text: "open the app on the iPhone again; until it is updated, name the types that you want",
			Command: "healthsync fetch --types steps,heartRate"}
	}
	return e
}

func pairingRefused(p *phone.PairingError, err error) *Error {
	code := map[phone.PairingReason]Code{
		phone.NoSession: PairingNoSession, phone.InvalidCode: PairingCodeInvalid,
		phone.ExpiredCode: PairingCodeExpired, phone.TooManyAttempts: PairingLockedOut,
	}[p.Reason]
	if code == "" {
		code = PairingRefused
	}
	return New(code, quoted(p.Message), err)
}

// quoted shows what the iPhone said as its words, not as ours.
func quoted(message string) string {
	if message == "" {
		return ""
	}
	return fmt.Sprintf("The iPhone says: %q", message)
}

func join(types []health.Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return lines[len(lines)-1]
}
