package trust

import (
	"context"
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

// peer is a kind of TLS server.
type peer struct {
	name string
	// crl: whether revocation lists are applied at all; the same program
	// without one is a peer of its own.
	crl bool
	// plain: whether it can serve without TLS.
	plain bool
	// command returns the program that serves as asked on 127.0.0.1:port.
	command func(t *testing.T, dir string, port int, s setup) *exec.Cmd
}

var peers = []peer{
	{name: "OpenSSL", command: opensslPeer},
	{name: "OpenSSL with CRL", crl: true, command: opensslPeer},
	{name: "nginx", crl: true, plain: true, command: nginxPeer},
	{name: "GnuTLS", crl: true, command: gnutlsPeer},
	{name: "Go", crl: true, plain: true, command: goPeer},
}

func opensslPeer(t *testing.T, dir string, port int, s setup) *exec.Cmd {
	args := []string{
		"s_server", "-accept", fmt.Sprintf("127.0.0.1:%d", port), "-www",
		"-cert", s.Server + ".crt", "-cert_chain", s.Server + ".crt", "-key", s.Server + ".key",
	}
	if s.TLS12 {
		args = append(args, "-tls1_2")
	} else {
		args = append(args, "-tls1_3")
	}
	if s.ClientCA != "" {
		// Without -verify_return_error a bad certificate is let in.
		args = append(args, "-CAfile", s.ClientCA+".crt", "-Verify", "1", "-verify_return_error")
		if s.CRL {
			args = append(args, "-crl_check", "-CRL", s.ClientCA+".crl")
		}
	}
	return exec.Command(testenv.NeedTool(t, "openssl", "openssl"), args...) //nolint:gosec // a test's own arguments
}

func gnutlsPeer(t *testing.T, dir string, port int, s setup) *exec.Cmd {
	version := "TLS1.3"
	if s.TLS12 {
		version = "TLS1.2"
	}
	args := []string{
		"--http", "-p", fmt.Sprint(port), "--priority", "NORMAL:-VERS-ALL:+VERS-" + version,
		"--x509certfile", s.Server + ".crt", "--x509keyfile", s.Server + ".key",
	}
	if s.ClientCA != "" {
		args = append(args, "--x509cafile", s.ClientCA+".crt", "--require-client-cert", "--verify-client-cert")
		if s.CRL {
			args = append(args, "--x509crlfile", s.ClientCA+".crl")
		}
	} else {
		args = append(args, "--disable-client-cert")
	}
	return exec.Command(testenv.NeedTool(t, "gnutls-serv", "gnutls-bin"), args...) //nolint:gosec // a test's own arguments
}

func nginxPeer(t *testing.T, dir string, port int, s setup) *exec.Cmd {
	home := filepath.Join(dir, fmt.Sprintf("nginx%d", port))
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	var tlsLines string
	listen := "ssl"
	if s.Plain {
		listen = ""
	} else {
		version := "TLSv1.3"
		if s.TLS12 {
			version = "TLSv1.2"
		}
		tlsLines = fmt.Sprintf("ssl_protocols %s; ssl_certificate %[2]s/%[3]s.crt; ssl_certificate_key %[2]s/%[3]s.key;", version, dir, s.Server)
	}
	if s.ClientCA != "" {
		tlsLines += fmt.Sprintf(" ssl_verify_client on; ssl_client_certificate %s/%s.crt;", dir, s.ClientCA)
		if s.CRL {
			tlsLines += fmt.Sprintf(" ssl_crl %s/%s.crl;", dir, s.ClientCA)
		}
	}
	conf := fmt.Sprintf(`user root root; daemon off; master_process off; pid %[1]s/pid; error_log stderr warn;
events {}
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
server { listen 127.0.0.1:%[2]d %[3]s; %[4]s location / { return 200 "%[5]s"; } } }
`, home, port, listen, tlsLines, strings.Repeat("hello ", 600))
	path := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command(testenv.NeedTool(t, "nginx", "nginx-light"), "-p", home, "-e", "stderr", "-c", path) //nolint:gosec // a test's own arguments
}

const envGoPeer = "HEALTHSYNC_TEST_GO_PEER"

// goPeer is this test program, in a process of its own so that it can be
// stopped and killed like the others.
func goPeer(t *testing.T, dir string, port int, s setup) *exec.Cmd {
	order := must(json.Marshal(goOrder{Addr: fmt.Sprintf("127.0.0.1:%d", port), Setup: s}))(t)
	cmd := exec.Command(must(os.Executable())(t)) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), envGoPeer+"="+string(order))
	return cmd
}

type goOrder struct {
	Addr  string
	Setup setup
}

func TestMain(m *testing.M) {
	if order := os.Getenv(envGoPeer); order != "" {
		err := serveGo(order)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveGo(text string) error {
	var order goOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	s := order.Setup
	conf, err := goConf(s)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: order.Addr, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("hello ", 600)) }),
	}
	if s.Plain {
		return server.ListenAndServe()
	}
	return server.ListenAndServeTLS("", "")
}

func goConf(s setup) (*tls.Config, error) {
	if s.Plain {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(s.Server+".crt", s.Server+".key")
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
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
	if err != nil {
		return nil, err
	}
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		for _, r := range list.RevokedCertificateEntries {
			if r.SerialNumber.Cmp(cs.PeerCertificates[0].SerialNumber) == 0 {
				return errors.New("revoked")
			}
		}
		return nil
	}
	return conf, nil
}

// lastPort hands out ports; inside the namespace all of them are free.
var lastPort atomic.Int32

func nextPort() int { return 20000 + int(lastPort.Add(1)) }

// run starts a peer and waits until it answers. The caller may stop or kill the
// process; it is gone at the end of the test in any case.
func (p *peer) run(t *testing.T, dir string, s setup) (port int, process *os.Process) {
	t.Helper()
	s.CRL = s.CRL && p.crl
	port = nextPort()
	cmd := p.command(t, dir, port, s)
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

func (d pkiFiles) write(t *testing.T, name string, key *ecdsa.PrivateKey, chain ...*x509.Certificate) string {
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
	return name
}

func (d pkiFiles) revoke(t *testing.T, name string, p *phone, revoked ...*x509.Certificate) {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().AddDate(-1, 0, 0), NextUpdate: time.Now().AddDate(1, 0, 0)}
	for _, c := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now().Add(-time.Hour)})
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
// connection, by a reset if asked.
type relay struct {
	port  int
	armed atomic.Bool
}

func newRelay(t *testing.T, target int, hello, reset bool) *relay {
	t.Helper()
	r := &relay{}
	_, r.port = serveTCP(t, func(c net.Conn) {
		if hello { // ends at the ClientHello already
			_, _ = c.Read(make([]byte, 4096))
			r.end(c, reset)
			return
		}
		up, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", target))
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		go func() { _, _ = io.Copy(up, c) }()
		for {
			header := make([]byte, 5)
			if _, err := io.ReadFull(up, header); err != nil {
				return
			}
			body := make([]byte, int(header[3])<<8|int(header[4]))
			if _, err := io.ReadFull(up, body); err != nil {
				return
			}
			if r.armed.Load() && len(body) > 700 { // longer than a session ticket
				_, _ = c.Write(append(header, body[:len(body)/2]...))
				r.end(c, reset)
				return
			}
			if _, err := c.Write(append(header, body...)); err != nil {
				return
			}
		}
	})
	return r
}

func (r *relay) end(c net.Conn, reset bool) {
	if reset {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	_ = c.Close()
}
