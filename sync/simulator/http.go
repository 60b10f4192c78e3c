package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// net/http cannot be the app's server: it takes header names in any case and
// chunked bodies, adds headers of its own and tells the client that the
// connection closes. A client that passes with it fails with the app.

// From NetworkServer.swift.
const (
	maxHeaders  = 16_384
	maxBody     = 1_048_576
	maxDuration = 10 * time.Second
)

// request is one HTTP request as the app parses it, which is less than
// RFC 9112 asks for: no chunked bodies, no folding, header names as they are
// spelled, the last of several wins.
type request struct {
	method, path string
	headers      map[string]string
	body         []byte
	rest         bool // bytes follow that belong to no request
}

// The app's HTTPParseError.
var (
	errInvalid    = errors.New("simulator: invalid request")
	errIncomplete = errors.New("simulator: request incomplete")
	errTooLarge   = errors.New("simulator: request too large")
)

// readRequest reads as NetworkServer.receiveRequest does. The ten seconds are
// looked at only before each read: a client that stays silent is waited for.
func readRequest(r io.Reader, now func() time.Time) (*request, error) {
	var buf []byte
	chunk := make([]byte, 16_384)
	for start := now(); now().Sub(start) <= maxDuration; {
		n, err := r.Read(chunk)
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return nil, errIncomplete
		case n == 0 && err != nil:
			return nil, errInvalid
		}
		buf = append(buf, chunk[:n]...)
		if len(buf) > maxHeaders+maxBody {
			return nil, errTooLarge
		}
		if req, err := parseRequest(buf); req != nil || err != nil {
			return req, err
		}
	}
	return nil, errIncomplete
}

// parseRequest gives nil, nil where more must come.
func parseRequest(data []byte) (*request, error) {
	head, body, found := bytes.Cut(data, []byte("\r\n\r\n"))
	switch {
	case len(head) > maxHeaders:
		return nil, errTooLarge
	case !found:
		return nil, nil
	case !utf8.Valid(head):
		return nil, errInvalid
	}
	first, rest, _ := strings.Cut(string(head), "\r\n")
	parts := strings.Fields(first)
	if len(parts) < 2 {
		return nil, errInvalid
	}
	req := &request{method: parts[0], path: parts[1], headers: map[string]string{}}
	for line := range strings.SplitSeq(rest, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok {
			req.headers[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	length, err := strconv.Atoi(req.headers["Content-Length"])
	switch {
	case err != nil:
		length = 0
	case length > maxBody:
		return nil, errTooLarge
	case length < 0:
		return nil, errInvalid
	case len(body) < length:
		return nil, nil
	}
	req.body, req.rest = body[:length], len(body) > length
	return req, nil
}

// bearer gives the token of an Authorization header (NetworkServer.bearerToken).
func (r *request) bearer() string {
	parts := strings.Fields(r.headers["Authorization"])
	if len(parts) != 2 || strings.ToLower(parts[0]) != "bearer" {
		return ""
	}
	return parts[1]
}

// response is an answer as HTTPResponse.swift writes it: two headers at most,
// and nothing says that the connection closes.
type response struct {
	status int
	typ    string // Content-Type, "" for none
	body   []byte
	read   int  // samples that the phone had to read for it
	crash  bool // no answer: the app is gone
}

func (r *response) head() []byte {
	reason := http.StatusText(r.status)
	if r.status == 413 {
		reason = "Payload Too Large" // the app's words
	}
	b := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n", r.status, reason)
	if r.typ != "" {
		b = fmt.Appendf(b, "Content-Type: %s\r\n", r.typ)
	}
	return fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(r.body))
}

const (
	typeJSON  = "application/json"
	typePlain = "text/plain"
)

// object is a JSON object. A map, because its members come in no fixed order,
// as those of a Swift dictionary do: a client must not rely on one.
type object = map[string]any

// answer writes an object as the app's JSONEncoder does: a slash is escaped.
// For a value that is not finite JSONEncoder throws, and the app sends "{}" with
// the same status (HTTPTypes.swift).
func answer(status int, o object) *response {
	b, err := json.Marshal(o, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		b = []byte("{}")
	}
	return &response{status: status, typ: typeJSON, body: bytes.ReplaceAll(b, []byte("/"), []byte(`\/`))}
}

// failure is an answer that something is wrong: the app's sentence in version
// 1, an object of code and message in version 2.
func (p *Phone) failure(status int, code, message string) *response {
	if p.opts.Protocol == 2 {
		return answer(status, object{"code": code, "message": message})
	}
	return &response{status: status, typ: typePlain, body: []byte(message)}
}

// unreadable answers a request that could not be read.
func (p *Phone) unreadable(err error) *response {
	switch {
	case errors.Is(err, errTooLarge):
		return p.failure(413, "PAYLOAD_TOO_LARGE", "Request body too large")
	case errors.Is(err, errIncomplete):
		return p.failure(408, "REQUEST_INCOMPLETE", "Request incomplete or timed out")
	}
	return p.failure(400, "INVALID_REQUEST", "Invalid request")
}
