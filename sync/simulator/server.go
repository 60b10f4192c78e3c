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
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return
			}
			// Out of file descriptors, or a client that went away: neither
			// ends the sharing.
			time.Sleep(5 * time.Millisecond)
			continue
		}
		p.mu.Lock()
		if ctx.Err() != nil {
			p.mu.Unlock()
			conn.Close()
			return
		}
		p.conns[conn] = struct{}{}
		p.wg.Go(func() {
			p.serve(ctx, conn.(*net.TCPConn))
			conn.Close()
			p.mu.Lock()
			delete(p.conns, conn)
			p.mu.Unlock()
		})
		p.mu.Unlock()
	}
}

// serve answers the one request of a connection. The caller closes it.
func (p *Phone) serve(ctx context.Context, conn *net.TCPConn) {
	p.meters.connections.Add(1)
	f := *p.faults.Load()
	switch {
	case f.has(faultStallHandshake):
		_, _ = io.Copy(io.Discard, conn) // until the client gives up, or Stop
		return
	case f[faultReset] == "handshake":
		_ = conn.SetLinger(0)
		return
	case f.has(faultNotTLS):
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		p.linger(conn)
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
		p.linger(conn) // or the alert is lost with the bytes that are still coming
		return
	}
	var cert *x509.Certificate
	if peers := tc.ConnectionState().PeerCertificates; len(peers) > 0 {
		cert = peers[0]
	}
	if a := p.alert(cert, f); a != 0 {
		if secret.send(conn, tc.ConnectionState().CipherSuite, a) == nil {
			p.linger(conn)
		}
		return
	}
	p.exchange(conn, tc, cert, f)
}

func (p *Phone) exchange(conn *net.TCPConn, tc *tls.Conn, cert *x509.Certificate, f faults) {
	req, err := readRequest(tc, p.now)
	if err != nil {
		if r := p.parseFailure(err); r != nil {
			p.meters.refused.Add(1)
			p.send(tc, r, nil)
			_ = tc.CloseWrite()
			p.linger(conn)
		}
		return
	}
	n := p.meters.requests.Add(1)
	var r *response
	if p.opts.Script != nil {
		more, err := parseFaults(p.opts.Script(Request{Number: n, Method: req.method, Path: req.path, Body: req.body}))
		if err != nil {
			r = p.failure(500, "Internal Server Error", "INTERNAL_ERROR", err.Error())
		}
		f = f.with(more)
	}
	if p.opts.Latency > 0 {
		p.wait(p.opts.Latency)
	}
	switch {
	case f.has(faultReset):
		_ = conn.SetLinger(0)
		return
	case f.has(faultHangUp):
		return
	case f.has(faultStall):
		p.wait(f.duration(faultStall, forever))
	}
	if r == nil {
		r = p.route(req, cert, f)
	}
	if r.crash {
		return
	}
	if r.status != 200 && r.status != 204 {
		p.meters.refused.Add(1)
	}
	if p.send(tc, r, f) {
		_ = tc.Close()
		if req.rest {
			p.linger(conn)
		}
	}
	if r.buffer != nil {
		p.buffers.put(r.buffer)
	}
}

// send writes an answer and reports whether all of it went out.
func (p *Phone) send(tc *tls.Conn, r *response, f faults) bool {
	head, body := r.head(), r.body
	stall := f.has(faultStallPage) && len(body) > 0
	cut := stall || f.has(faultCutPage) && len(body) > 0
	if cut {
		n := len(body) / 2
		if arg, err := strconv.Atoi(f[faultCutPage] + f[faultStallPage]); err == nil {
			n = min(arg, len(body)-1)
		}
		body = body[:n]
	}
	if len(body) <= 4096 { // one record, one packet or few
		head = append(head, body...)
		body = nil
	}
	n, err := tc.Write(head)
	p.meters.bytes.Add(int64(n))
	if err == nil && len(body) > 0 {
		n, err = tc.Write(body)
		p.meters.bytes.Add(int64(n))
	}
	if stall && err == nil {
		p.wait(forever)
	}
	return err == nil && !cut // cut: no close_notify either, the app is simply gone
}

// linger waits until the client has taken what was sent: to close a socket
// whose input is unread would reset the connection and could destroy it.
func (p *Phone) linger(conn *net.TCPConn) {
	_ = conn.CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, conn)
}

// tlsConfig is that of one connection. Whether a client certificate is good is
// not judged in the handshake but after it, so that pairing works without one;
// in TLS 1.3 the client cannot tell the difference.
func (p *Phone) tlsConfig(f faults, secret *serverSecret) (*tls.Config, error) {
	chain, err := p.id.chain(f, p.now())
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion:                  tls.VersionTLS13,
		Certificates:                []tls.Certificate{chain.Certificate},
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
		Time:                        p.now,
	}
	if f.has(faultTLS12) {
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

// alert is the TLS alert that a connection of version 2 ends with, or 0.
func (p *Phone) alert(cert *x509.Certificate, f faults) tls.AlertError {
	if p.opts.Protocol != 2 {
		return 0
	}
	if cert == nil && p.pair.open() {
		return 0 // somebody may be pairing
	}
	byAlert := p.opts.Alerts
	for _, name := range []string{faultNoClientCert, faultForeignCert, faultExpiredClient, faultRevoked} {
		byAlert = byAlert || f[name] == "alert"
	}
	if !byAlert {
		return 0
	}
	switch p.id.judge(cert, f, p.now()) {
	case clientMissing:
		return alertCertificateRequired
	case clientForeign:
		return alertUnknownCA
	case clientExpired:
		return alertCertificateExpired
	case clientRevoked:
		return alertCertificateRevoked
	}
	return 0
}
