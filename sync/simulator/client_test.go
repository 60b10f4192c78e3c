package simulator

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthsync/pki"
)

// client is a Mac as small as it can be: it checks nothing that the real one
// does, and shows bytes.
type client struct {
	t     testing.TB
	phone *Phone
	token string
	cert  *tls.Certificate
}

// start shares a phone and takes it down with the test.
func start(t testing.TB, o Options) *client {
	t.Helper()
	p := must(New(o))(t)
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &client{t: t, phone: p}
}

func (c *client) dial() (*tls.Conn, error) {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
	if c.cert != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.cert, nil }
	}
	d := tls.Dialer{Config: config}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", c.phone.Addr().String())
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn), nil
}

// shown are the certificates of a handshake.
func (c *client) shown() []*x509.Certificate {
	c.t.Helper()
	conn, err := c.dial()
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates
}

// raw sends bytes and gives every byte that comes back.
func (c *client) raw(request string) (string, error) {
	conn, err := c.dial()
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	b, err := io.ReadAll(conn)
	return string(b), err
}

type reply struct {
	status  int
	line    string
	headers string
	body    []byte
}

func (a reply) json() map[string]any {
	var m map[string]any
	if json.Unmarshal(a.body, &m) != nil {
		return nil
	}
	return m
}

func parseAnswer(raw string) (reply, error) {
	head, body, ok := strings.Cut(raw, "\r\n\r\n")
	line, headers, _ := strings.Cut(head, "\r\n")
	parts := strings.SplitN(line, " ", 3)
	if !ok || len(parts) != 3 {
		return reply{}, fmt.Errorf("not an answer: %.200q", raw)
	}
	status, err := strconv.Atoi(parts[1])
	return reply{status, line, headers, []byte(body)}, err
}

func (c *client) request(method, path, body string) string {
	b := method + " " + path + " HTTP/1.1\r\nHost: iphone\r\n"
	if c.token != "" {
		b += "Authorization: Bearer " + c.token + "\r\n"
	}
	if body != "" {
		b += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return b + "\r\n" + body
}

func (c *client) do(method, path, body string) reply {
	c.t.Helper()
	raw, err := c.raw(c.request(method, path, body))
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	a, err := parseAnswer(raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// must gives a value, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// csr is a body with a certificate request, and its key.
func (c *client) csr(code string) (string, *ecdsa.PrivateKey) {
	c.t.Helper()
	key := must(GenerateKey())(c.t)
	csr := pki.EncodeCSR(must(pki.NewCSR(key, "anything"))(c.t))
	body := must(json.Marshal(map[string]string{"code": code, "clientName": "test", "csr": string(csr)}))(c.t)
	return string(body), key
}

// certificate is that of an answer to pair or renew.
func (c *client) certificate(a reply) *x509.Certificate {
	c.t.Helper()
	if a.status != 200 {
		c.t.Fatalf("%s: %s", a.line, a.body)
	}
	return must(pki.DecodeCertificate([]byte(a.json()["clientCertificate"].(string))))(c.t)
}

// paired does what the QR code is for.
func (c *client) paired() *client {
	c.t.Helper()
	body, key := c.csr(c.phone.NewCode())
	a := c.do("POST", pathPair, body)
	if c.phone.Protocol() == 1 {
		c.token, _ = a.json()["token"].(string)
		return c
	}
	cert := c.certificate(a)
	c.cert = &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
	return c
}

type wireSample struct {
	ID, Type, Unit, StartDate, EndDate, SourceName string
	Value                                          float64
	Metadata                                       map[string]string
}

type wirePage struct {
	Status        string
	Message       *string
	Samples       []wireSample
	HasMore       bool
	ReturnedCount int
}

func (c *client) page(body string) wirePage {
	c.t.Helper()
	a := c.do("POST", pathData, body)
	if a.status != 200 {
		c.t.Fatalf("%s: %s", a.line, a.body)
	}
	var p wirePage
	if err := json.Unmarshal(a.body, &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}
