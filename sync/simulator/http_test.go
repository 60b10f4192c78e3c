package simulator

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

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
	endless := io.MultiReader(strings.NewReader("POST /a X\r\nContent-Length: 1048576\r\n\r\n"),
		io.LimitReader(zeroes{}, 1<<22))
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
	f.Add([]byte(`{"startDate":"2026-01-07T12:00:00Z","endDate":"2026-01-08T12:00:00Z","types":["steps"],"limit":10,` +
		`"offset":null}`))
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
