package simulator

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestParseRequest(t *testing.T) {
	long := strings.Repeat("x", maxHeaders)
	for name, c := range map[string]struct {
		in   string
		err  error
		more bool // wants more bytes
		want request
	}{
		"plain": {in: "GET /a HTTP/1.1\r\nHost: b\r\n\r\n", want: request{method: "GET", path: "/a"}},
		"body":  {in: "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", want: request{method: "POST", path: "/a", body: []byte("abc")}},
		"bytes that follow": {in: "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef",
			want: request{method: "POST", path: "/a", body: []byte("abc"), rest: true}},
		"query stays":        {in: "GET /a?b=c HTTP/1.1\r\n\r\n", want: request{method: "GET", path: "/a?b=c"}},
		"lower case header":  {in: "POST /a HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", want: request{method: "POST", path: "/a", rest: true}},
		"last header wins":   {in: "POST /a X\r\nContent-Length: 9\r\nContent-Length: 1\r\n\r\nabc", want: request{method: "POST", path: "/a", body: []byte("a"), rest: true}},
		"white space":        {in: "POST /a X\r\n Content-Length\t:  2 \t\r\n\r\nab", want: request{method: "POST", path: "/a", body: []byte("ab")}},
		"chunked is unknown": {in: "POST /a X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", want: request{method: "POST", path: "/a", rest: true}},
		"half a body":        {in: "POST /a X\r\nContent-Length: 3\r\n\r\nab", more: true},
		"no path":            {in: "GET\r\n\r\n", err: errInvalid},
		"not UTF-8":          {in: "GET /\xff X\r\n\r\n", err: errInvalid},
		"body over 1 MiB":    {in: "POST /a X\r\nContent-Length: 1048577\r\n\r\n", err: errTooLarge},
		"body of 1 MiB":      {in: "POST /a X\r\nContent-Length: 1048576\r\n\r\n", more: true},
		"head too long":      {in: "GET /a X\r\nA: " + long + "\r\n\r\n", err: errTooLarge},
		"head without end":   {in: "GET /a X\r\nA: " + long, err: errTooLarge},
		"negative length":    {in: "POST /a X\r\nContent-Length: -1\r\n\r\n", err: errInvalid},
	} {
		got, err := parseRequest([]byte(c.in))
		switch {
		case !errors.Is(err, c.err):
			t.Errorf("%s: error %v, want %v", name, err, c.err)
		case c.err != nil || c.more:
			if got != nil {
				t.Errorf("%s: got %+v", name, got)
			}
		case got == nil:
			t.Errorf("%s: nothing", name)
		case got.method != c.want.method || got.path != c.want.path || string(got.body) != string(c.want.body) || got.rest != c.want.rest:
			t.Errorf("%s: got %q %q %q %v", name, got.method, got.path, got.body, got.rest)
		}
	}
}

func TestReadRequest(t *testing.T) {
	const whole = "POST /a X\r\nContent-Length: 3\r\n\r\nabc"
	for name, r := range map[string]io.Reader{
		"byte by byte": iotest.OneByteReader(strings.NewReader(whole)),
		"with its end": iotest.DataErrReader(strings.NewReader(whole)),
	} {
		if req, err := readRequest(r, time.Now); err != nil || string(req.body) != "abc" {
			t.Errorf("%s: %+v, %v", name, req, err)
		}
	}
	if _, err := readRequest(strings.NewReader(whole[:20]), time.Now); !errors.Is(err, errIncomplete) {
		t.Errorf("a request cut off gives %v", err)
	}
	if _, err := readRequest(iotest.ErrReader(errors.New("reset")), time.Now); !errors.Is(err, errInvalid) {
		t.Errorf("a connection lost gives %v", err)
	}
	endless := io.MultiReader(strings.NewReader("POST /a X\r\nContent-Length: 1048576\r\n\r\n"), io.LimitReader(zeroes{}, 1<<22))
	if req, err := readRequest(endless, time.Now); err != nil || len(req.body) != maxBody {
		t.Errorf("the largest body gives %v", err)
	}
	// The ten seconds are looked at before each read only.
	now := time.Unix(0, 0)
	clock := func() time.Time { now = now.Add(3 * time.Second); return now }
	if _, err := readRequest(iotest.OneByteReader(strings.NewReader(whole)), clock); !errors.Is(err, errIncomplete) {
		t.Errorf("a slow client gets %v", err)
	}
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"startDate":"2026-01-07T12:00:00Z","endDate":"2026-01-08T12:00:00Z","types":["steps"],"limit":10,"offset":null}`))
	f.Add([]byte(`{"limit":1e999999999}`))
	f.Add([]byte("POST /a X\r\nContent-Length: 3\r\n\r\nabcdef"))
	p, err := New(Options{Protocol: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if q, err := p.decodeQuery(body); err == nil && (q.limit > maxLimit || q.offset < 0) {
			t.Errorf("%s gives %+v", body, q)
		}
		if req, err := parseRequest(body); err == nil && req != nil && len(req.body) > len(body) {
			t.Errorf("a body longer than its request")
		}
	})
}

func TestBearer(t *testing.T) {
	for value, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "BEARER   abc ": "abc", "Bearer": "", "Bearer a b": "", "Basic abc": "", "": "", "abc": "",
	} {
		r := &request{headers: map[string]string{"Authorization": value}}
		if got := r.bearer(); got != want {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
	if got := (&request{headers: map[string]string{"authorization": "Bearer abc"}}).bearer(); got != "" {
		t.Errorf("a lower-case header gives %q: the app would not see it", got)
	}
}
