package trust

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"healthsync/sync/testenv"
)

// table is the matrix in the making.
type table struct {
	rows  []row
	peers []peer
	mu    sync.Mutex
	cells [][]string
}

func newTable(rows []row, peers []peer) *table {
	t := &table{rows: rows, peers: peers, cells: make([][]string, len(rows))}
	for i := range t.cells {
		t.cells[i] = make([]string, len(peers))
	}
	return t
}

func (t *table) set(row, column int, cell string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cells[row][column] = cell
}

// cellOf gives the code and the signs that the notes below the table explain.
func cellOf(f *Failure) string {
	if f == nil {
		return "connected"
	}
	s := "`" + f.Code() + "`"
	if f.Kind == BadClientCert {
		s += " ¹"
	}
	if f.Inferred {
		s += " ²"
	}
	return s
}

func (t *table) markdown() string {
	var b strings.Builder
	b.WriteString("| failure |")
	for _, p := range t.peers {
		b.WriteString(" " + p.name + " |")
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(t.peers)+1) + "\n")
	for i, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, strings.Join(t.cells[i], " | "))
	}
	return b.String()
}

const (
	envMatrix = "HEALTHSYNC_PEERS_MATRIX"
	kept      = "../../docs/tls-errors.md"
	preface   = `# What is reported of which failure

Each row is something that can go wrong with a connection, each column a real
server that it was tried with, each cell the error code that HealthSync reports.
` + "`make test-peers`" + ` writes this page; ` + "`make test`" + ` compares it.

`
	notes = `
¹ The Mac's certificate was not accepted, and the server does not say why: nginx
answers every bad certificate with the same page, GnuTLS with "access denied",
OpenSSL one that is not yet valid with "bad certificate". Where the reason can
be seen in the certificate itself, by this Mac's clock, it is reported instead.
In these rows it cannot: they have a wrong clock, and a wrong clock is why the
program does not guess here.

² The server gave no reason, or one that covers several, and the certificate is
in order by every check that can be made here, with time to spare: one reason is
left. A certificate that was made a moment ago and is "expired or not currently
valid" (one alert in RFC 8446) is not yet valid. One for whose CA the server did
not ask is of another CA. Any other has been revoked.

OpenSSL without a revocation list does not know of revocations. Neither
` + "`openssl s_server`" + ` nor ` + "`gnutls-serv`" + ` can be told to do without TLS.
`
)

// keep writes the table, or compares it with the one that is kept.
func (t *table) keep(tt *testing.T) {
	tt.Helper()
	for i, p := range t.peers {
		if t.cells[0][i] == "" {
			testenv.Missing(tt, p.name+" is missing: no table")
		}
	}
	got := t.markdown()
	tt.Logf("\n%s", got)
	if path := os.Getenv(envMatrix); path != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			tt.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(preface+got+notes), 0o644); err != nil { //nolint:gosec // a page for everyone
			tt.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(kept)
	if err != nil {
		tt.Fatalf("the table is not kept: %v", err)
	}
	if !bytes.Contains(page, []byte(got)) {
		tt.Errorf("%s is out of date; make test-peers writes it anew", kept)
	}
}
