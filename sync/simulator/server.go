package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"time"
)

// handshakeTimeout bounds a handshake and lingering what is waited for the
// client's last bytes after an answer that it might miss otherwise. Neither is
// the app's: they keep the simulator from collecting dead connections.
const (
	handshakeTimeout = 30 * time.Second
	lingering        = 2 * time.Second
)

// forever is longer than any phone shares.
const forever = 365 * 24 * time.Hour

func (p *Phone) accept(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, or a client that went away
			time.Sleep(5 * time.Millisecond)
			continue
		}
		p.wg.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			p.serve(ctx, conn.(*net.TCPConn))
		})
	}
}

// serve answers the one request of a connection. The caller closes it.
func (p *Phone) serve(ctx context.Context, conn *net.TCPConn) {
	p.meters.connections.Add(1)
	f := *p.faults.Load()
	switch {
	case f.has("stall-handshake"):
		_, _ = io.Copy(io.Discard, conn) // until the client gives up, or Stop
		return
	case f["reset"] == "handshake":
		_ = conn.SetLinger(0)
		return
	case f.has("not-tls"):
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		linger(conn)
		return
	}
	var secret serverSecret
	config, err := p.tlsConfig(f, &secret)
	if err != nil {
		return
	}
	tc := tls.Server(conn, config)
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	err = tc.HandshakeContext(hctx)
	cancel()
	if err != nil {
		linger(conn) // or the alert is lost with the bytes that are still coming
		return
	}
	state := tc.ConnectionState()
	var cert *x509.Certificate
	if len(state.PeerCertificates) > 0 {
		cert = state.PeerCertificates[0]
	}
	if r := p.byAlert(cert, f); r != nil {
		if secret.send(conn, state.CipherSuite, r.alert) == nil {
			linger(conn)
		}
		return
	}
	p.exchange(ctx, conn, tc, cert, f)
}

func (p *Phone) exchange(ctx context.Context, conn *net.TCPConn, tc *tls.Conn, cert *x509.Certificate, f faults) {
	req, err := readRequest(tc, p.now)
	if err != nil {
		p.meters.refused.Add(1)
		p.send(ctx, tc, p.unreadable(err), nil)
		_ = tc.CloseWrite()
		linger(conn)
		return
	}
	n := p.meters.requests.Add(1)
	var r *response
	if p.opts.Script != nil {
		more, err := parseFaults(p.opts.Script(Request{Number: n, Method: req.method, Path: req.path, Body: req.body}))
		if err != nil {
			r = p.failure(500, "INTERNAL_ERROR", err.Error())
		}
		f = f.with(more)
	}
	wait(ctx, p.opts.Latency)
	switch {
	case f.has("reset"):
		_ = conn.SetLinger(0)
		return
	case f.has("hang-up"):
		return
	case f.has("stall"):
		wait(ctx, f.duration("stall", forever))
	}
	began := time.Now()
	if r == nil {
		r = p.route(req, cert, f)
	}
	if r.crash {
		return
	}
	if left := p.opts.SampleCost*time.Duration(r.read) - time.Since(began); left > 0 {
		p.reading.Lock()
		wait(ctx, left)
		p.reading.Unlock()
	}
	if r.status != 200 && r.status != 204 {
		p.meters.refused.Add(1)
	}
	if p.send(ctx, tc, r, f) {
		_ = tc.Close()
		if req.rest {
			linger(conn)
		}
	}
}

// send writes an answer and reports whether all of it went out.
func (p *Phone) send(ctx context.Context, tc *tls.Conn, r *response, f faults) bool {
	out, whole := append(r.head(), r.body...), true
	if n := len(r.body); n > 0 && (f.has("cut-page") || f.has("stall-page")) {
		left := n / 2
		if arg, err := strconv.Atoi(f["cut-page"] + f["stall-page"]); err == nil {
			left = min(arg, n-1)
		}
		out, whole = out[:len(out)-n+left], false
	}
	n, err := tc.Write(out)
	p.meters.bytes.Add(int64(n))
	if err == nil && !whole && f.has("stall-page") {
		wait(ctx, forever)
	}
	return err == nil && whole // cut: no close_notify either, the app is simply gone
}

// wait waits, unless the phone stops sharing meanwhile.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d): // at once for 0
	case <-ctx.Done():
	}
}

// linger waits until the client has taken what was sent: to close a socket
// whose input is unread would reset the connection and could destroy it.
func linger(conn *net.TCPConn) {
	_ = conn.CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, conn)
}

// tlsConfig is that of one connection. Whether a client certificate is good is
// not checked in the handshake but after it, so that pairing works without one;
// in TLS 1.3 the client cannot tell the difference.
func (p *Phone) tlsConfig(f faults, secret *serverSecret) (*tls.Config, error) {
	chain, err := p.id.chain(f, p.now())
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{*chain},
		SessionTicketsDisabled: true,
		Time:                   p.now,
	}
	if f.has("tls12") {
		c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	if p.opts.Protocol == 2 {
		c.ClientAuth = tls.RequestClientCert
		c.ClientCAs = x509.NewCertPool()
		c.ClientCAs.AddCert(p.id.ca)
		c.KeyLogWriter = secret
	}
	return c, nil
}

// byAlert is what a fault refuses by TLS alert, or nil. Connections without a
// certificate are let in while a pairing is open: it may be the Mac that pairs.
func (p *Phone) byAlert(cert *x509.Certificate, f faults) *clientRefusal {
	if p.opts.Protocol != 2 || cert == nil && p.pair.open() {
		return nil
	}
	for _, name := range []string{"no-client-cert", "foreign-client-cert", "expired-client-cert", "revoked"} {
		if f[name] == "alert" {
			return p.id.checkClient(cert, f, p.now())
		}
	}
	return nil
}
