package trust

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/testenv"
)

// setup is how a peer is to behave. The names are of files in the directory of
// [pkiFiles].
type setup struct {
	Server   string // NAME.crt (a chain) and NAME.key
	ClientCA string // NAME.crt of the CA whose clients are let in; empty: no client certificate is asked for
	CRL      bool   // apply that CA's revocation list
	TLS12    bool   // TLS 1.2 and nothing else
	Plain    bool   // no TLS at all
}

// version picks the peer's word for the only version to speak.
func (s setup) version(tls13, tls12 string) string {
	if s.TLS12 {
		return tls12
	}
	return tls13
}

// peer is a kind of TLS server.
type peer struct {
	name string
	// crl: whether revocation lists are applied at all; the same program
	// without one is a peer of its own.
	crl bool
	// command gives the program that serves as asked on 127.0.0.1:port, with its
	// arguments.
	command func(t *testing.T, dir string, port int, s setup) []string
}

var peers = []peer{
	{name: "OpenSSL", command: opensslPeer},
	{name: "OpenSSL with CRL", crl: true, command: opensslPeer},
	{name: "nginx", crl: true, command: nginxPeer},
	{name: "GnuTLS", crl: true, command: gnutlsPeer},
	{name: "Go", crl: true, command: goPeer},
}

func opensslPeer(t *testing.T, _ string, port int, s setup) []string {
	args := fmt.Sprintf("s_server -accept 127.0.0.1:%d -www -cert %[2]s.crt -cert_chain %[2]s.crt -key %[2]s.key %s",
		port, s.Server, s.version("-tls1_3", "-tls1_2"))
	if s.ClientCA != "" { // without -verify_return_error a bad certificate is let in
		args += " -CAfile " + s.ClientCA + ".crt -Verify 1 -verify_return_error"
	}
	if s.CRL {
		args += " -crl_check -CRL " + s.ClientCA + ".crl"
	}
	return append([]string{testenv.NeedTool(t, "openssl", "openssl")}, strings.Fields(args)...)
}

func gnutlsPeer(t *testing.T, _ string, port int, s setup) []string {
	args := fmt.Sprintf("--http -p %d --priority NORMAL:-VERS-ALL:+VERS-%s --x509certfile %s.crt --x509keyfile %[3]s.key",
		port, s.version("TLS1.3", "TLS1.2"), s.Server)
	if s.ClientCA == "" {
		args += " --disable-client-cert"
	} else {
		args += " --x509cafile " + s.ClientCA + ".crt --require-client-cert --verify-client-cert"
	}
	if s.CRL {
		args += " --x509crlfile " + s.ClientCA + ".crl"
	}
	return append([]string{testenv.NeedTool(t, "gnutls-serv", "gnutls-bin")}, strings.Fields(args)...)
}

func nginxPeer(t *testing.T, dir string, port int, s setup) []string {
	home := filepath.Join(dir, fmt.Sprintf("nginx%d", port))
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("listen 127.0.0.1:%d;", port)
	if !s.Plain {
		const ssl = "listen 127.0.0.1:%d ssl; ssl_certificate %s.crt; ssl_certificate_key %[2]s.key; ssl_protocols %s;"
		listen = fmt.Sprintf(ssl, port, filepath.Join(dir, s.Server), s.version("TLSv1.3", "TLSv1.2"))
	}
	if s.ClientCA != "" {
		listen += fmt.Sprintf(" ssl_verify_client on; ssl_client_certificate %s/%s.crt;", dir, s.ClientCA)
	}
	if s.CRL {
		listen += fmt.Sprintf(" ssl_crl %s/%s.crl;", dir, s.ClientCA)
	}
	conf := fmt.Sprintf(`user root root; daemon off; master_process off; pid %[1]s/pid; error_log stderr warn;
events {}
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; server { %[2]s location / { return 200 "%[3]s"; } } }
`, home, listen, page200)
	path := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{testenv.NeedTool(t, "nginx", "nginx-light"), "-p", home, "-e", "stderr", "-c", path}
}

// page200 is an answer that is longer than any record before it.
var page200 = strings.Repeat("hello ", 600)

const envGoPeer = "HEALTHSYNC_TEST_GO_PEER"

// goPeer is this test program, in a process of its own so that it can be
// stopped and killed like the others.
func goPeer(t *testing.T, _ string, port int, s setup) []string {
	order := must(json.Marshal(s))(t)
	return []string{"/usr/bin/env", fmt.Sprintf("%s=127.0.0.1:%d %s", envGoPeer, port, order), must(os.Executable())(t)}
}

func TestMain(m *testing.M) {
	if order := os.Getenv(envGoPeer); order != "" {
		fmt.Fprintln(os.Stderr, serveGo(order))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveGo(order string) error {
	addr, text, _ := strings.Cut(order, " ")
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	conf, err := goConf(s)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: addr, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page200) }),
	}
	if s.Plain {
		return server.ListenAndServe()
	}
	return server.ListenAndServeTLS(s.Server+".crt", s.Server+".key")
}

func goConf(s setup) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS13}
	if s.TLS12 {
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	if s.ClientCA == "" {
		return conf, nil
	}
	ca, err := os.ReadFile(s.ClientCA + ".crt")
	if err != nil {
		return nil, err
	}
	conf.ClientAuth, conf.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	conf.ClientCAs.AppendCertsFromPEM(ca)
	if !s.CRL {
		return conf, nil
	}
	text, err := os.ReadFile(s.ClientCA + ".crl")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		for _, r := range list.RevokedCertificateEntries {
			if r.SerialNumber.Cmp(cs.PeerCertificates[0].SerialNumber) == 0 {
				return errors.New("revoked")
			}
		}
		return nil
	}
	return conf, err
}

// lastPort hands out ports; inside the namespace all of them are free.
var lastPort atomic.Int32

// run starts a peer and waits until it answers. The caller may stop or kill the
// process; it is gone at the end of the test in any case.
func (p *peer) run(t *testing.T, dir string, s setup) (port int, process *os.Process) {
	t.Helper()
	s.CRL = s.CRL && p.crl
	port = 20000 + int(lastPort.Add(1))
	args := p.command(t, dir, port, s)
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec // a test's own arguments
	cmd.Dir = dir
	var out testenv.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin := must(cmd.StdinPipe())(t) // s_server ends at the end of its input
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // of a stopped process too
		<-gone
		_ = stdin.Close()
	})
	for range 500 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
			return port, cmd.Process
		}
		select {
		case <-gone:
			t.Fatalf("%s %+v ended at once:\n%s", p.name, s, out.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("%s %+v does not answer:\n%s", p.name, s, out.String())
	return 0, nil
}

// pkiFiles writes certificates where peers find them.
type pkiFiles struct{ dir string }

func (d pkiFiles) write(t *testing.T, name string, key *ecdsa.PrivateKey, chain ...*x509.Certificate) {
	t.Helper()
	var text []byte
	for _, c := range chain {
		text = append(text, pki.EncodeCertificate(c)...)
	}
	d.file(t, name+".crt", text)
	if key != nil {
		der := must(x509.MarshalPKCS8PrivateKey(key))(t)
		d.file(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
}

func (d pkiFiles) revoke(t *testing.T, name string, p *phone, revoked *x509.Certificate) {
	t.Helper()
	now := time.Now()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.AddDate(1, 0, 0)}
	list.RevokedCertificateEntries = []x509.RevocationListEntry{
		{SerialNumber: revoked.SerialNumber, RevocationTime: now.Add(-time.Hour)},
	}
	der := must(x509.CreateRevocationList(rand.Reader, list, p.ca, p.caKey))(t)
	d.file(t, name+".crl", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
}

func (d pkiFiles) file(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// relay stands between a client and a peer. Until armed it passes everything
// on; then it passes half of the next long record from the peer and ends the
// connection, by a reset if asked. With no target it ends at the ClientHello.
type relay struct {
	port  int
	armed atomic.Bool
}

func newRelay(t *testing.T, target int, reset bool) *relay {
	t.Helper()
	r := &relay{}
	_, r.port = serveTCP(t, func(c net.Conn) {
		if target == 0 {
			_, _ = c.Read(make([]byte, 4096))
			return
		}
		up, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", target))
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		go func() { _, _ = io.Copy(up, c) }()
		for {
			record := make([]byte, 5)
			if _, err := io.ReadFull(up, record); err != nil {
				return
			}
			record = append(record, make([]byte, int(record[3])<<8|int(record[4]))...)
			if _, err := io.ReadFull(up, record[5:]); err != nil {
				return
			}
			if r.armed.Load() && len(record) > 700 { // longer than a session ticket
				_, _ = c.Write(record[:len(record)/2])
				if reset {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
				return
			}
			if _, err := c.Write(record); err != nil {
				return
			}
		}
	})
	return r
}
