package simulator

import (
	"crypto/tls"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/health"
)

// clock is a phone's clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Second)} }

// plain is a whole answer of the app's that is text, byte for byte.
func plain(status, text string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(text), text)
}

// Every refusal that NetworkServer.swift can utter, byte for byte.
func TestV1Refusals(t *testing.T) {
	c := start(t, Options{Protocol: 1, Types: []health.Type{health.Steps, health.Weight}, NoRateLimit: true})
	anonymous := *c
	c.paired()
	const span = `"startDate":"2026-01-01T00:00:00Z","endDate":"2026-02-01T00:00:00Z"`
	data := func(body string) string { return c.request("POST", pathData, body) }
	badBody := plain("400 Bad Request", "Invalid request body")
	badPair := plain("400 Bad Request", "Invalid request format")
	unauthorized := plain("401 Unauthorized", "Missing or invalid token")
	notFound := plain("404 Not Found", "Unknown route")
	for name, x := range map[string]struct{ request, want string }{
		"no token":           {anonymous.request("GET", pathStatus, ""), unauthorized},
		"no token, no route": {anonymous.request("GET", "/", ""), unauthorized},
		"lower-case header":  {"GET /api/v1/status HTTP/1.1\r\nauthorization: Bearer " + c.token + "\r\n\r\n", unauthorized},
		"wrong token":        {"GET /api/v1/status HTTP/1.1\r\nAuthorization: Bearer 0123\r\n\r\n", unauthorized},
		"unknown route":      {c.request("GET", "/api/v1/unknown", ""), notFound},
		"query string":       {c.request("GET", pathStatus+"?a=b", ""), notFound},
		"method":             {c.request("POST", pathStatus, ""), notFound},
		"head":               {c.request("HEAD", pathStatus, ""), notFound},
		"unpair is unknown":  {c.request("DELETE", pathPair, ""), notFound},
		"renew is unknown":   {c.request("POST", pathRenew, "{}"), notFound},
		"get of pair":        {c.request("GET", pathPair, ""), notFound},
		"no request":         {"\r\n\r\n", plain("400 Bad Request", "Invalid request")},
		"too large": {"POST /api/v1/pair HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n",
			plain("413 Payload Too Large", "Request body too large")},
		"head too large": {"GET / HTTP/1.1\r\nA: " + strings.Repeat("x", maxHeaders) + "\r\n\r\n",
			plain("413 Payload Too Large", "Request body too large")},
		"not UTF-8":          {"GET /\xff HTTP/1.1\r\n\r\n", plain("400 Bad Request", "Invalid request")},
		"negative length":    {"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", plain("400 Bad Request", "Invalid request")},
		"another scheme":     {"GET /api/v1/status HTTP/1.1\r\nAuthorization: Basic " + c.token + "\r\n\r\n", unauthorized},
		"scheme in any case": {"GET /a HTTP/1.1\r\nAuthorization: BEARER  " + c.token + " \r\n\r\n", notFound},
		"the last header wins": {"POST /api/v1/pair HTTP/1.1\r\nContent-Length: 9\r\n Content-Length\t:  33 \r\n\r\n" +
			`{"code":"abcd","clientName":"me"}`, plain("400 Bad Request", refusedNoSession.text)},
		"no number is 0":       {"POST /api/v1/pair HTTP/1.1\r\nContent-Length: two\r\n\r\n{}", badPair},
		"pair: no body":        {c.request("POST", pathPair, ""), badPair},
		"pair: not JSON":       {c.request("POST", pathPair, "code=1"), badPair},
		"pair: no client name": {c.request("POST", pathPair, `{"code":"abcdefgh"}`), badPair},
		"pair: Code":           {c.request("POST", pathPair, `{"Code":"abcdefgh","clientName":"x"}`), badPair},
		"pair: number":         {c.request("POST", pathPair, `{"code":12345678,"clientName":"x"}`), badPair},
		"pair: chunked": {"POST /api/v1/pair HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n27\r\n" +
			`{"code":"abcdefgh","clientName":"test"}` + "\r\n0\r\n\r\n", badPair},
		"data: no body":  {data(""), badBody},
		"data: not JSON": {data("[]"), badBody},
		"data: fraction": {data(`{"startDate":"2026-01-01T00:00:00.000Z","endDate":"2026-02-01T00:00:00Z",` +
			`"types":["steps"]}`), badBody},
		"data: number date":  {data(`{"startDate":1767225600,"endDate":"2026-02-01T00:00:00Z","types":["steps"]}`), badBody},
		"data: no end":       {data(`{"startDate":"2026-01-01T00:00:00Z","types":["steps"]}`), badBody},
		"data: unknown type": {data(`{` + span + `,"types":["steps","bloodGlucose"]}`), badBody},
		"data: case of type": {data(`{` + span + `,"types":["Steps"]}`), badBody},
		"data: limit text":   {data(`{` + span + `,"types":["steps"],"limit":"10"}`), badBody},
		"data: limit half":   {data(`{` + span + `,"types":["steps"],"limit":10.5}`), badBody},
		"data: no types":     {data(`{` + span + `,"types":[]}`), plain("400 Bad Request", "No data types requested")},
		"data: end first": {data(`{"startDate":"2026-02-01T00:00:00Z","endDate":"2026-01-01T00:00:00Z",` +
			`"types":["steps"]}`), plain("400 Bad Request", "Invalid date range")},
		"data: limit 0": {data(`{` + span + `,"types":["steps"],"limit":0}`),
			plain("400 Bad Request", "Limit must be positive")},
		"data: limit -1": {data(`{` + span + `,"types":["steps"],"limit":-1}`),
			plain("400 Bad Request", "Limit must be positive")},
		"data: not enabled": {data(`{` + span + `,"types":["steps","heartRate"]}`),
			plain("403 Forbidden", "Requested data types are not enabled")},
		"data: limit checked": {data(`{` + span + `,"types":["heartRate"],"limit":0}`),
			plain("400 Bad Request", "Limit must be positive")},
	} {
		got, err := c.raw(x.request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got != x.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, x.want)
		}
	}
}

func TestV1Answers(t *testing.T) {
	clk := newClock()
	c := start(t, Options{Protocol: 1, DeviceName: "Ana/2", Types: []health.Type{health.Weight, health.Steps},
		Now: clk.now}).paired()
	a := c.do("GET", pathStatus, "")
	m := a.json()
	if a.line != "HTTP/1.1 200 OK" || a.headers != "Content-Type: application/json\r\nContent-Length: "+
		strconv.Itoa(len(a.body)) {
		t.Errorf("%q %q", a.line, a.headers)
	}
	if len(m) != 5 || m["status"] != "ok" || m["version"] != "1" || m["deviceName"] != "Ana/2" ||
		fmt.Sprint(m["enabledTypes"]) != "[steps weight]" ||
		m["serverTime"] != clk.now().UTC().Format(time.RFC3339) || !strings.Contains(string(a.body), `Ana\/2`) {
		t.Errorf("%s", a.body)
	}
	a = c.do("GET", pathTypes, "")
	if string(a.body) != `{"enabledTypes":["steps","weight"]}` {
		t.Errorf("%s", a.body)
	}
	if len(c.token) != 32 || strings.Trim(c.token, "0123456789ABCDEF") != "" {
		t.Errorf("the token %q is not 32 hexadecimal digits", c.token)
	}
	clk.advance(tokenTTL - time.Second)
	if a := c.do("GET", pathTypes, ""); a.status != 200 {
		t.Errorf("a second before the token ends: %s", a.line)
	}
	clk.advance(time.Second)
	if a := c.do("GET", pathTypes, ""); a.status != 401 {
		t.Errorf("when the token has ended: %s", a.line)
	}
}

// The order of wrong codes is that of PairingService.handlePairRequest.
func TestPairingAttempts(t *testing.T) {
	clk := newClock()
	c := start(t, Options{Protocol: 1, Now: clk.now})
	expect := func(what, code string, want *refusal) {
		t.Helper()
		a := c.do("POST", pathPair, `{"code":"`+code+`","clientName":"x"}`)
		if want == nil && a.status != 200 || want != nil && (a.status != 400 || string(a.body) != want.text) {
			t.Errorf("%s: %s %s", what, a.line, a.body)
		}
	}
	expect("nothing pending", "abcdefgh", refusedNoSession)
	code := c.phone.NewCode()
	if len(code) != 8 || strings.Trim(code, codeAlphabet) != "" {
		t.Errorf("code %q", code)
	}
	for i := range 5 {
		expect(fmt.Sprint("wrong code ", i+1), "abcdefgh", refusedInvalid)
	}
	expect("the right code after five wrong ones", code, refusedAttempts)
	expect("after that", code, refusedNoSession)

	code = c.phone.NewCode()
	for range 4 {
		expect("a wrong code", "", refusedInvalid)
	}
	expect("the right code after four wrong ones", code, nil)
	expect("a code used", code, refusedNoSession)

	first, second := c.phone.NewCode(), c.phone.NewCode()
	expect("the code of an earlier picture", first, refusedInvalid)
	clk.advance(codeLifetime - time.Second)
	expect("a second before the end", second, nil)
	code = c.phone.NewCode()
	clk.advance(codeLifetime)
	expect("an expired code", code, refusedExpired)
	expect("after that", code, refusedNoSession)
}

// Sixty requests in any sixty seconds for a token; refused ones do not count.
func TestRateLimit(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		clk := newClock()
		c := start(t, Options{Protocol: protocol, Now: clk.now}).paired()
		times := func(n, want int) {
			t.Helper()
			for i := range n {
				if a := c.do("GET", "/nowhere", ""); a.status != want { // what is asked does not matter
					t.Fatalf("request %d: %s", i+1, a.line)
				}
			}
		}
		times(30, 404)
		clk.advance(30 * time.Second)
		times(30, 404)
		a := c.do("GET", pathStatus, "")
		if a.line != "HTTP/1.1 429 Too Many Requests" || strings.Contains(a.headers, "Retry") ||
			!strings.Contains(string(a.body), "Rate limit exceeded") {
			t.Errorf("the 61st: %s %s %s", a.line, a.headers, a.body)
		}
		clk.advance(30*time.Second - time.Millisecond)
		times(1, 429)
		clk.advance(time.Millisecond) // the first thirty leave the window
		times(30, 404)
		times(1, 429)
		// Another token has a window of its own.
		if a := (&client{t: t, phone: c.phone}).paired().do("GET", pathStatus, ""); a.status != 200 {
			t.Errorf("another Mac: %s", a.line)
		}
		if n := c.phone.Meters().Refused; n != 93 {
			t.Errorf("%d refused", n)
		}
	}
}

func TestV1Handshake(t *testing.T) {
	c := start(t, Options{Protocol: 1})
	p := must(c.phone.Payload("192.168.1.20"))(t)
	if p.Version != 1 || p.Host != "192.168.1.20" || p.Port != c.phone.Port() || p.Validate() != nil {
		t.Errorf("%v", p)
	}
	if certs := c.shown(); len(certs) != 1 || pki.FingerprintOf(certs[0]) != p.Leaf || !p.CA.IsZero() {
		t.Errorf("%d certificates; the payload says %s", len(certs), p.Leaf)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if _, err := tls.Dial("tcp", c.phone.Addr().String(), old); err == nil {
		t.Error("the phone speaks TLS 1.2")
	}
}

// A request that never ends is answered when the client closes its side
// (NetworkServer.receiveRequest has no timer).
func TestHalfARequest(t *testing.T) {
	c := start(t, Options{Protocol: 1})
	conn := must(c.dial())(t)
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /api/v1/pair HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
	time.Sleep(50 * time.Millisecond)
	if n := c.phone.Meters().Refused; n != 0 {
		t.Error("an answer to half a request")
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil || string(b) != plain("408 Request Timeout", "Request incomplete or timed out") {
		t.Errorf("%q, %v", b, err)
	}
}

// A second request on the same connection is never answered.
func TestOneRequestPerConnection(t *testing.T) {
	c := start(t, Options{Protocol: 1}).paired()
	one := c.request("GET", pathTypes, "")
	if raw, err := c.raw(one + one); err != nil || strings.Count(raw, "HTTP/1.1 ") != 1 {
		t.Errorf("%q %v", raw, err)
	}
	if m := c.phone.Meters(); m.Requests != 2 { // with pairing
		t.Errorf("%d requests counted", m.Requests)
	}
}
