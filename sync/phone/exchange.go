package phone

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"healthsync/pki/trust"
)

// Bounds of what HTTP puts around an answer.
const (
	maxHeader  = 32 << 10
	maxRefusal = 16 << 10
)

// exchange makes one connection and one request on it. sent says that the
// request may have reached the phone.
//
// It writes the request and reads the answer by itself instead of through
// http.Transport: a TLS 1.3 server refuses a client certificate after the
// handshake, by an alert in front of what the next Read gives. The
// transport loses that alert when its write fails first (2 to 19 of 100 runs
// against GnuTLS); reading on after a failed write finds it every time.
func (c *Client) exchange(ctx context.Context, k *call, token string) (sent bool, err error) {
	tc, report, err := c.conf.Dialer.Dial(ctx, c.conf.Host, c.conf.Port)
	if err != nil {
		return false, stopped(ctx, err)
	}
	conn := &timedConn{Conn: tc, timeout: c.conf.Timeout}
	defer func() { _ = conn.Close() }() // everything has been read, or nothing will be
	defer context.AfterFunc(ctx, func() { _ = tc.NetConn().Close() })()

	k.report, k.sent = report, c.conf.Now()
	began := time.Now()
	// A failed write is not the end: what the phone said before it closed can
	// still be read, and says more.
	_, _ = conn.Write(c.request(k, token))
	limit := &io.LimitedReader{R: conn, N: maxHeader}
	//nolint:bodyclose // Close would read the body to its end; the connection is closed instead
	resp, err := http.ReadResponse(bufio.NewReader(limit), &http.Request{Method: k.method})
	if err != nil {
		if limit.N <= 0 {
			return true, explain(wrong("header", "too long"), k.name, 0, 0)
		}
		return true, c.noAnswer(ctx, k, conn)
	}
	limit.N = 1<<63 - 1 // the body has a limit of its own
	err = c.answer(ctx, k, resp)
	k.received, k.took = c.conf.Now(), time.Since(began)
	return true, err
}

// request is the whole request. The app matches header names as they are
// written here, and reads a body by Content-Length only.
func (c *Client) request(k *call, token string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", k.method, k.path, hostHeader(c.conf.Host, c.conf.Port))
	if c.conf.UserAgent != "" {
		fmt.Fprintf(&b, "User-Agent: %s\r\n", oneLine([]byte(c.conf.UserAgent)))
	}
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	if k.body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(k.body))
	}
	b.WriteString("Accept: application/json\r\nConnection: close\r\n\r\n")
	b.Write(k.body)
	return []byte(b.String())
}

// hostHeader is host and port for the Host header; the zone of a link-local
// address means nothing to the other side (RFC 6874 section 1).
func hostHeader(host string, port int) string {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		host = a.WithZone("").String()
	}
	return net.JoinHostPort(oneLine([]byte(host)), strconv.Itoa(port))
}

// noAnswer explains a connection on which no answer began.
func (c *Client) noAnswer(ctx context.Context, k *call, conn *timedConn) error {
	if ctx.Err() != nil {
		return stopped(ctx, conn.err)
	}
	if conn.err == nil || !strings.HasPrefix("HTTP/", conn.first) {
		// Bytes came, but not those of HTTP.
		return explain(wrong("header", "not an answer in HTTP/1.1"), k.name, 0, 0)
	}
	// What the connection said counts: cut in the middle of a line, HTTP makes
	// another error of it.
	failure := k.report.Classify(conn.err)
	if c.conf.Version == 2 && ended(failure) {
		// A refused certificate may look like a mere disconnection. A connection
		// on which nothing is sent cannot lose the alert.
		if _, err := trust.Probe(ctx, c.conf.Dialer, c.conf.Host, c.conf.Port); err != nil {
			var reason *trust.Failure
			if errors.As(err, &reason) && !ended(reason) {
				return reason
			}
		}
	}
	return failure
}

// ended reports a connection that ended without a reason.
func ended(f *trust.Failure) bool {
	return f.Kind == trust.Reset || f.Kind == trust.CutShort || f.Kind == trust.Unknown
}

// stopped is the error of a call whose context may be over; what the dialer
// has explained already stays as it is.
func stopped(ctx context.Context, err error) error {
	var f *trust.Failure
	if errors.As(err, &f) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return trust.Classify(err)
}

// answer reads what follows the header of an answer.
func (c *Client) answer(ctx context.Context, k *call, resp *http.Response) error {
	size := resp.ContentLength
	success := resp.StatusCode == http.StatusOK || k.empty && resp.StatusCode == http.StatusNoContent
	switch {
	case resp.StatusCode == http.StatusNoContent && success:
		return nil
	case size < 0:
		// Without a length a cut cannot be told from the end: the phone closes
		// without the close_notify that would say so.
		return explain(wrong("Content-Length", "missing"), k.name, 0, 0)
	case resp.Header.Get("Content-Encoding") != "":
		return explain(wrong("Content-Encoding", "not asked for"), k.name, 0, 0)
	}
	body := &countingReader{r: resp.Body}
	if !success {
		text, err := io.ReadAll(io.LimitReader(body, maxRefusal))
		if err != nil && len(text) == 0 {
			return c.unread(ctx, k, body, size, err)
		}
		r := parseRefusal(k, resp.StatusCode, text)
		if c.conf.Version == 2 {
			r.certificate = k.report.ClassifyResponse(resp.StatusCode, text)
		}
		return c.refused(r)
	}
	if k.empty {
		return nil
	}
	if limit := cmp.Or(k.maxAnswer, maxMessage); size > limit {
		return &TooLargeError{Call: k.name, Size: size, Limit: limit}
	}
	err := k.read(body)
	if body.err != nil && !errors.Is(body.err, io.EOF) {
		return c.unread(ctx, k, body, size, body.err)
	}
	return explain(err, k.name, body.n, size)
}

// unread explains a body that ended before its Content-Length.
func (c *Client) unread(ctx context.Context, k *call, body *countingReader, size int64, err error) error {
	if ctx.Err() != nil {
		return stopped(ctx, err)
	}
	if failure := k.report.Classify(err); failure.Kind == trust.TimedOut {
		return failure
	}
	return &TruncatedError{Call: k.name, Got: body.n, Want: size, Err: err}
}

// countingReader counts a body and remembers how it ended.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	if r.err == nil { // the first counts: a decoder may read on
		r.err = err
	}
	return n, err
}

// timedConn gives each read and write a time of its own, and remembers how
// the answer began and what the last read said.
type timedConn struct {
	*tls.Conn
	timeout time.Duration
	first   string // up to 5 bytes
	err     error
}

func (c *timedConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		c.err = err
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.err = err
	if rest := len("HTTP/") - len(c.first); rest > 0 {
		c.first += string(p[:min(n, rest)])
	}
	return n, err
}

func (c *timedConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
