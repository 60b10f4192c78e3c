package simulator

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// From NetworkServer.swift.
const (
	maxHeaders  = 16_384
	maxBody     = 1_048_576
	maxDuration = 10 * time.Second
	chunkSize   = 16_384
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

// The app's HTTPParseError, and its end where Swift's runtime would have
// stopped it (a trap is no answer).
var (
	errInvalid    = errors.New("simulator: invalid request")
	errIncomplete = errors.New("simulator: request incomplete")
	errTooLarge   = errors.New("simulator: request too large")
	errTrap       = errors.New("simulator: the app would have crashed")
)

// readRequest reads as NetworkServer.receiveRequest does. The ten seconds are
// looked at only before each read: a client that stays silent is waited for.
func readRequest(r io.Reader, now func() time.Time) (*request, error) {
	var buf []byte
	chunk := make([]byte, chunkSize)
	start := now()
	for {
		if now().Sub(start) > maxDuration {
			return nil, errIncomplete
		}
		n, err := r.Read(chunk)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return nil, errIncomplete
			}
			if err != nil {
				return nil, errInvalid
			}
			continue
		}
		buf = append(buf, chunk[:n]...)
		if len(buf) > maxHeaders+maxBody {
			return nil, errTooLarge
		}
		req, err := parseRequest(buf)
		if req != nil || err != nil {
			return req, err
		}
	}
}

// parseRequest gives nil, nil where more must come.
func parseRequest(data []byte) (*request, error) {
	head, body, found := bytes.Cut(data, []byte("\r\n\r\n"))
	if !found {
		if len(data) > maxHeaders {
			return nil, errTooLarge
		}
		return nil, nil
	}
	if len(head) > maxHeaders {
		return nil, errTooLarge
	}
	if !utf8.Valid(head) {
		return nil, errInvalid
	}
	lines := strings.Split(string(head), "\r\n")
	parts := strings.FieldsFunc(lines[0], func(r rune) bool { return r == ' ' })
	if len(parts) < 2 {
		return nil, errInvalid
	}
	req := &request{method: parts[0], path: parts[1], headers: make(map[string]string, len(lines))}
	for _, line := range lines[1:] {
		if key, value, ok := strings.Cut(line, ":"); ok {
			req.headers[trimSwift(key)] = trimSwift(value)
		}
	}
	length, err := strconv.ParseInt(req.headers["Content-Length"], 10, 64)
	if err != nil {
		length = 0
	}
	switch {
	case length > maxBody:
		return nil, errTooLarge
	case length < 0:
		return nil, errTrap // Data.prefix of a negative length
	case int64(len(body)) < length:
		return nil, nil
	}
	req.body, req.rest = body[:length], int64(len(body)) > length
	return req, nil
}

// trimSwift trims CharacterSet.whitespaces: category Zs and the tab.
func trimSwift(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r == '\t' || unicode.Is(unicode.Zs, r) })
}

// bearer gives the token of an Authorization header (NetworkServer.bearerToken).
func (r *request) bearer() string {
	parts := strings.FieldsFunc(r.headers["Authorization"], func(c rune) bool { return c == ' ' })
	if len(parts) != 2 || strings.ToLower(parts[0]) != "bearer" {
		return ""
	}
	return parts[1]
}

// response is an answer as HTTPResponse writes it: two headers at most, and
// nothing says that the connection closes.
type response struct {
	status int
	reason string
	typ    string // Content-Type, "" for none
	body   []byte
	buffer *[]byte // whose memory body is, to be given back
	crash  bool    // no answer: the app is gone
}

func (r *response) head() []byte {
	b := make([]byte, 0, 128)
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = append(b, ' ')
	b = append(b, r.reason...)
	b = append(b, "\r\n"...)
	if r.typ != "" {
		b = append(b, "Content-Type: "...)
		b = append(b, r.typ...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(r.body)), 10)
	return append(b, "\r\n\r\n"...)
}

const (
	typeJSON  = "application/json"
	typePlain = "text/plain"
)

// failure is an answer that something is wrong: the app's sentence in version
// 1, an object of code and message in version 2.
func (p *Phone) failure(status int, reason, code, message string) *response {
	r := &response{status: status, reason: reason, typ: typePlain, body: []byte(message)}
	if p.opts.Protocol == 2 {
		r.typ = typeJSON
		r.body = object(field{"code", jsonString(code)}, field{"message", jsonString(message)})
	}
	return r
}

func (p *Phone) json(fields ...field) *response {
	return &response{status: 200, reason: "OK", typ: typeJSON, body: object(fields...)}
}

// parseFailure answers a request that could not be read; nil is no answer.
func (p *Phone) parseFailure(err error) *response {
	switch {
	case errors.Is(err, errTooLarge):
		return p.failure(413, "Payload Too Large", "PAYLOAD_TOO_LARGE", "Request body too large")
	case errors.Is(err, errIncomplete):
		return p.failure(408, "Request Timeout", "REQUEST_INCOMPLETE", "Request incomplete or timed out")
	case errors.Is(err, errTrap):
		return nil
	}
	return p.failure(400, "Bad Request", "INVALID_REQUEST", "Invalid request")
}
