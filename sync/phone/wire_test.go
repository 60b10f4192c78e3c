package phone

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
)

// wire is a phone of version 1 that answers whatever bytes a test wants, on
// real TLS 1.3.
type wire struct {
	port int
	pin  pki.Fingerprint

	mu       sync.Mutex
	requests []string // whole requests, as they came
	bytes    int      // of application data, of all connections
}

func newWire(t *testing.T, answer func(c *tls.Conn, request string)) *wire {
	t.Helper()
	key, err := simulator.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := simulator.NewSelfSignedV1(key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{port: l.Addr().(*net.TCPAddr).Port, pin: pki.FingerprintOf(cert)}
	config := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS13,
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				c := tls.Server(conn, config)
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				if c.Handshake() != nil {
					return
				}
				request := w.read(c)
				if request != "" {
					answer(c, request)
				}
			})
		}
	})
	return w
}

// read reads one request with the app's means: Content-Length or nothing.
func (w *wire) read(c *tls.Conn) string {
	r := bufio.NewReader(c)
	var b bytes.Buffer
	length := 0
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			break
		}
		_, _ = fmt.Sscanf(line, "Content-Length: %d\r\n", &length)
		if line == "\r\n" {
			_, _ = io.CopyN(&b, r, int64(length))
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes += b.Len()
	if b.Len() > 0 {
		w.requests = append(w.requests, b.String())
	}
	return b.String()
}

func (w *wire) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}

func (w *wire) client(t *testing.T, change ...func(*Config)) *Client {
	t.Helper()
	conf := Config{
		Version: 1, Host: "127.0.0.1", Port: w.port, UserAgent: "healthsync/test", Timeout: 5 * time.Second,
		Dialer: &trust.Dialer{Trust: trust.Pinned(w.pin)},
		Token:  func(context.Context) (string, error) { return "0123456789ABCDEF", nil },
	}
	for _, f := range change {
		f(&conf)
	}
	c, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// says answers by text and closes as the app does, without close_notify.
func says(text string) func(*tls.Conn, string) {
	return func(c *tls.Conn, _ string) { _, _ = io.WriteString(c, text) }
}

func response(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status,
		len(body), body)
}

var aQuery = health.Query{
	Types: []health.Type{health.Steps, health.HeartRate, health.Steps},
	Start: 1767225600, End: 1767312000, Limit: 500, Offset: 20,
}

func TestRequestsOnTheWire(t *testing.T) {
	w := newWire(t, func(c *tls.Conn, request string) {
		switch {
		case strings.HasPrefix(request, "POST /api/v1/health/data "):
			_, _ = io.WriteString(c, response("200 OK", okPrefix+aSample+`]}`))
		case strings.HasPrefix(request, "GET /api/v1/health/types "):
			_, _ = io.WriteString(c, response("200 OK", `{"enabledTypes":["steps","heartRate","steps","moodOfTomorrow"]}`))
		case strings.HasPrefix(request, "POST /api/v1/pair "):
			_, _ = io.WriteString(c, response("200 OK", `{"expiresAt":"2026-02-06T10:00:00Z","token":"AB12"}`))
		default:
			_, _ = io.WriteString(c, response("200 OK", `{"deviceName":"Ana\u2019s iPhone","status":"ok","version":"1",`+
				`"enabledTypes":["steps"],"serverTime":"2026-01-07T10:00:00Z"}`))
		}
	})
	now := time.Date(2026, 1, 7, 9, 59, 50, 0, time.UTC)
	c := w.client(t, func(conf *Config) { conf.Now = func() time.Time { return now } })

	issued, err := c.Pair(t.Context(), PairRequest{Code: "aB3dE6gH", ClientName: "Ana's \"Mac\"\n"})
	if err != nil || issued.Token != "AB12" || !issued.ExpiresAt.Equal(time.Date(2026, 2, 6, 10, 0, 0, 0, time.UTC)) ||
		issued.Report == nil {
		t.Errorf("%+v, %v", issued, err)
	}
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Name != "Ana’s iPhone" || status.State != "ok" || status.Version != "1" || len(status.Types) != 1 ||
		status.Skew != 10*time.Second+time.Second/2 || status.RoundTrip <= 0 || status.Report == nil {
		t.Errorf("%+v", status)
	}
	types, err := c.Types(t.Context())
	if err != nil || fmt.Sprint(types) != "[steps heartRate moodOfTomorrow]" {
		t.Errorf("%v, %v", types, err)
	}
	var page health.Page
	if err := c.Samples(t.Context(), aQuery, &page); err != nil || len(page.Samples) != 1 ||
		page.Samples[0] != theSample() {
		t.Errorf("%+v, %v", page, err)
	}

	const host, agent = "Host: 127.0.0.1:PORT\r\n", "User-Agent: healthsync/test\r\n"
	const auth, tail = "Authorization: Bearer 0123456789ABCDEF\r\n",
		"Accept: application/json\r\nConnection: close\r\n\r\n"
	body := func(text string) string {
		return fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(text)) + tail + text
	}
	want := []string{
		"POST /api/v1/pair HTTP/1.1\r\n" + host + agent + body(`{"clientName":"Ana's \"Mac\"\n","code":"aB3dE6gH"}`),
		"GET /api/v1/status HTTP/1.1\r\n" + host + agent + auth + tail,
		"GET /api/v1/health/types HTTP/1.1\r\n" + host + agent + auth + tail,
		"POST /api/v1/health/data HTTP/1.1\r\n" + host + agent + auth +
			body(`{"startDate":"2026-01-01T00:00:00Z","endDate":"2026-01-02T00:00:00Z","types":["steps","heartRate"],`+
				`"limit":500,"offset":20}`),
	}
	got := w.seen()
	if len(got) != len(want) {
		t.Fatalf("%d requests", len(got))
	}
	for i := range want {
		if w := strings.Replace(want[i], "PORT", fmt.Sprint(w.port), 1); got[i] != w {
			t.Errorf("request %d:\n%q\nwant\n%q", i, got[i], w)
		}
	}
}

// The token goes to the phone that was paired and to nobody else.
func TestNothingIsSentToAStranger(t *testing.T) {
	w := newWire(t, says(response("200 OK", `{}`)))
	c := w.client(t, func(conf *Config) {
		conf.Dialer = &trust.Dialer{Trust: trust.Pinned(pki.Fingerprint{1})}
	})
	for _, err := range []error{
		readSamples(t.Context(), c),
		func() error { _, err := c.Status(t.Context()); return err }(),
		func() error { _, err := c.Pair(t.Context(), PairRequest{Code: "x", ClientName: "y"}); return err }(),
	} {
		var f *trust.Failure
		if !errors.As(err, &f) || f.Kind != trust.FingerprintMismatch {
			t.Errorf("got %v", err)
		}
	}
	if w.bytes != 0 {
		t.Errorf("%d bytes were sent", w.bytes)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	page := response("200 OK", okPrefix+aSample+`]}`)
	with := func(status, body string) func(*tls.Conn, string) { return says(response(status, body)) }
	answerError := func(field, reason string) *AnswerError {
		return &AnswerError{Call: CallSamples, Field: field, Reason: reason, Sample: -1}
	}
	for _, c := range []struct {
		name   string
		answer func(*tls.Conn, string)
		want   error
	}{
		{"no length", says("HTTP/1.1 200 OK\r\n\r\n" + okPrefix + aSample + `]}`),
			answerError("Content-Length", "missing")},
		{"chunked", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
			answerError("Content-Length", "missing")},
		{"compressed", says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
			answerError("Content-Encoding", "not asked for")},
		{"two lengths", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
			answerError("header", "not an answer in HTTP/1.1")},
		{"not HTTP", says("SSH-2.0-OpenSSH_9.2\r\n\r\n"), answerError("header", "not an answer in HTTP/1.1")},
		{"endless header", func(c *tls.Conn, _ string) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for range 100 {
				if _, err := io.WriteString(c, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, answerError("header", "too long")},
		{"too large", says("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{"),
			&TooLargeError{CallSamples, 99999999999, maxPage}},
		{"redirect", says("HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n"),
			&HTTPError{Call: CallSamples, Status: 302}},
		{"server error", with("500 Internal Server Error", "oh\r\nno"),
			&HTTPError{Call: CallSamples, Status: 500, Message: "oh no"}},
		{"a page for a browser", with("502 Bad Gateway", "<html><body>secret</body></html>"),
			&HTTPError{Call: CallSamples, Status: 502}},
		{"created", with("201 Created", "{}"), &HTTPError{Call: CallSamples, Status: 201}},
		{"an empty object", with("200 OK", "{}"), &EmptyAnswerError{CallSamples}},
		{"an empty body", with("200 OK", ""), &NotJSONError{CallSamples, 0, errSyntax}},
		{"html", with("200 OK", "<html>"), &NotJSONError{CallSamples, 0, errSyntax}},
		{"cut in the body", says(page[:len(page)-60]), &TruncatedError{CallSamples, 202, 262, io.ErrUnexpectedEOF}},
		{"cut after the JSON", says("HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n" + okPrefix + aSample + "]}"),
			&TruncatedError{CallSamples, 262, 300, io.ErrUnexpectedEOF}},
		{"cut, and the length with it", with("200 OK", okPrefix+aSample),
			&TruncatedError{CallSamples, 260, 260, io.ErrUnexpectedEOF}},
		{"cut before the body", says("HTTP/1.1 200 OK\r\nContent-Length: 262\r\n\r\n"),
			&TruncatedError{CallSamples, 0, 262, io.ErrUnexpectedEOF}},
		{"a wrong sample", with("200 OK", okPrefix+aSample+`,`+strings.Replace(aSample, "72.5", `"secret"`, 1)+`]}`),
			&AnswerError{CallSamples, "value", "not a number", 1}},
		{"locked", with("423 Locked", `{"status":"locked","samples":[]}`), &LockedError{}},
		{"locked in a 200", with("200 OK", `{"status":"locked","samples":[],"message":"Device is locked",`+
			`"hasMore":false,"returnedCount":0}`),
			&LockedError{}},
		{"token", with("401 Unauthorized", "Missing or invalid token"), &TokenRejectedError{"Missing or invalid token"}},
		{"not enabled", with("403 Forbidden", "Requested data types are not enabled"),
			&TypeNotEnabledError{aQuery.Types, "Requested data types are not enabled"}},
		{"bad request", with("400 Bad Request", "Invalid request body"),
			&BadRequestError{CallSamples, "Invalid request body"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWire(t, c.answer)
			page := health.Page{Samples: []health.Sample{theSample()}, HasMore: true}
			err := w.client(t).Samples(t.Context(), aQuery, &page)
			if fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", c.want, c.want) {
				t.Errorf("got  %T %v\nwant %T %v", err, err, c.want, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the error shows what the phone sent")
			}
			if len(page.Samples) != 0 || page.HasMore {
				t.Errorf("something stayed: %+v", page)
			}
			if n := len(w.seen()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// readSamples makes a request for samples and drops the page.
func readSamples(ctx context.Context, c *Client) error {
	var page health.Page
	return c.Samples(ctx, aQuery, &page)
}

func TestConnectionsThatEnd(t *testing.T) {
	body := response("200 OK", okPrefix+aSample+`]}`)
	done := make(chan struct{})
	defer close(done)
	reset := func(c *tls.Conn) {
		time.Sleep(50 * time.Millisecond) // let what was sent be read first
		_ = c.NetConn().(*net.TCPConn).SetLinger(0)
		c.NetConn().Close()
	}
	closed, silent := func(*tls.Conn) {}, func(*tls.Conn) { <-done }
	type row struct {
		name string
		sent int // bytes of the answer
		then func(*tls.Conn)
		want trust.Kind
	}
	rows := []row{
		{"before the answer", 0, closed, trust.CutShort},
		{"reset before the answer", 0, reset, trust.Reset},
		{"silence", 0, silent, trust.TimedOut},
		{"silence in the header", 20, silent, trust.TimedOut},
		{"silence in the body", 150, silent, trust.TimedOut},
	}
	for n := 1; n < strings.Index(body, "\r\n\r\n"); n += 3 {
		rows = append(rows, row{fmt.Sprintf("after %d bytes", n), n, closed, trust.CutShort})
	}
	for _, r := range rows {
		w := newWire(t, func(c *tls.Conn, _ string) { _, _ = io.WriteString(c, body[:r.sent]); r.then(c) })
		c := w.client(t)
		if r.want == trust.TimedOut {
			c.conf.Timeout = 50 * time.Millisecond
		}
		var f *trust.Failure
		if err := readSamples(t.Context(), c); !errors.As(err, &f) || f.Kind != r.want {
			t.Errorf("%s: %T %v", r.name, err, err)
		}
	}
	w := newWire(t, func(c *tls.Conn, _ string) { _, _ = io.WriteString(c, body[:150]); reset(c) })
	var cut *TruncatedError
	if err := readSamples(t.Context(), w.client(t)); !errors.As(err, &cut) || cut.Want != 262 {
		t.Errorf("reset in the body: %v", err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	for _, text := range []string{"", response("200 OK", okPrefix+aSample+`]}`)[:150]} {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWire(t, func(c *tls.Conn, _ string) {
			_, _ = io.WriteString(c, text)
			time.Sleep(20 * time.Millisecond)
			cancel()
			<-done
		})
		var f *trust.Failure
		err := readSamples(ctx, w.client(t))
		if !errors.As(err, &f) || f.Kind != trust.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", text, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
		err = readSamples(ctx, w.client(t))
		if !errors.As(err, &f) || f.Kind != trust.TimedOut && f.Kind != trust.Canceled {
			t.Errorf("%q: %v", text, err)
		}
		cancel()
	}
}

// Each call is a connection of its own, and one after the other works although
// the phone closes without a word.
func TestOneRequestAConnection(t *testing.T) {
	w := newWire(t, says(response("200 OK", `{"enabledTypes":[]}`)))
	c := w.client(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if types, err := c.Types(t.Context()); err != nil || types == nil {
				t.Error(types, err)
			}
		})
	}
	wg.Wait()
	if n := len(w.seen()); n != 20 {
		t.Errorf("%d requests", n)
	}
}

func TestDamagedToken(t *testing.T) {
	w := newWire(t, says(response("200 OK", `{}`)))
	for _, token := range []string{"", "a b", "a\r\nX: y", "tökén", strings.Repeat("x", 2000)} {
		c := w.client(t, func(conf *Config) { conf.Token = func(context.Context) (string, error) { return token, nil } })
		if _, err := c.Status(t.Context()); err == nil || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%.20q: %v", token, err)
		}
	}
	locked := errors.New("the keychain is locked")
	c := w.client(t, func(conf *Config) { conf.Token = func(context.Context) (string, error) { return "", locked } })
	if _, err := c.Status(t.Context()); !errors.Is(err, locked) {
		t.Error(err)
	}
	if len(w.seen()) != 0 {
		t.Error("something was sent")
	}
}

func TestQueriesThatCannotBeAsked(t *testing.T) {
	c, err := New(Config{Version: 1, Host: "127.0.0.1", Port: 1, Dialer: &trust.Dialer{}})
	if err != nil {
		t.Fatal(err)
	}
	good := aQuery
	for name, change := range map[string]func(*health.Query){
		"no types":        func(q *health.Query) { q.Types = nil },
		"an empty type":   func(q *health.Query) { q.Types = []health.Type{""} },
		"too much":        func(q *health.Query) { q.Limit = health.MaxLimit + 1 },
		"a negative":      func(q *health.Query) { q.Limit = -1 },
		"offset":          func(q *health.Query) { q.Offset = -1 },
		"backwards":       func(q *health.Query) { q.Start, q.End = q.End, q.Start },
		"before the era":  func(q *health.Query) { q.Start = minDate - 1 },
		"after year 9999": func(q *health.Query) { q.End = maxDate + 1 },
	} {
		q := good
		change(&q)
		var page health.Page
		var bad *QueryError
		if err := c.Samples(t.Context(), q, &page); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
