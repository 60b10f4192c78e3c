package cli_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/pki/pairingcode"
	"healthsync/pki/trust"
	"healthsync/sync/health"
	"healthsync/sync/phone"
	"healthsync/sync/simulator"
)

// The history of the benchmark: a million samples over ten types, dense and
// sparse, over five years.
func million() map[health.Type]int {
	if v, err := strconv.Atoi(os.Getenv("HEALTHSYNC_BENCH_SAMPLES")); err == nil && v > 0 {
		return shares(v)
	}
	return shares(1_000_000)
}

func shares(n int) map[health.Type]int {
	parts := []struct {
		t health.Type
		p int // per mille
	}{
		{health.HeartRate, 420}, {health.ActiveEnergyBurned, 230}, {health.BasalEnergyBurned, 120}, {health.Steps,
			90}, {health.DistanceWalkingRunning, 80},
		{health.RespiratoryRate, 30}, {health.BloodOxygen, 15}, {health.FlightsClimbed, 8}, {health.HeartRateVariability,
			5}, {health.RestingHeartRate, 2},
	}
	counts := map[health.Type]int{}
	for _, p := range parts {
		counts[p.t] = n * p.p / 1000
	}
	return counts
}

// benchPhone is a simulated iPhone that remembers what it was asked.
type benchPhone struct {
	*simulator.Phone
	mu     sync.Mutex
	bodies [][]byte
	n      int
}

func newBenchPhone(b *testing.B, cost time.Duration) *benchPhone {
	b.Helper()
	return newBenchPhoneOf(b, million(), cost)
}

func newBenchPhoneOf(b *testing.B, counts map[health.Type]int, cost time.Duration) *benchPhone {
	b.Helper()
	p := &benchPhone{}
	now := time.Now()
	history := simulator.NewHistory()
	for t, n := range counts {
		plan := simulator.Plan{Seed: 11, From: now.AddDate(-5, 0, 0), To: now, Types: []health.Type{t}, Samples: n}
		if err := history.Extend(plan); err != nil {
			b.Fatal(err)
		}
		p.n += history.Len(t)
	}
	var err error
	p.Phone, err = simulator.New(simulator.Options{Protocol: 2, History: history, Types: typesOf(counts),
		NoRateLimit: true, SampleCost: cost, Script: func(r simulator.Request) []string {
			if r.Path == "/api/v1/health/data" {
				p.mu.Lock()
				p.bodies = append(p.bodies, bytes.Clone(r.Body))
				p.mu.Unlock()
			}
			return nil
		}})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Stop)
	return p
}

func typesOf(counts map[health.Type]int) []health.Type {
	var ts []health.Type
	for _, t := range health.Types() {
		if counts[t] > 0 {
			ts = append(ts, t)
		}
	}
	return ts
}

// child runs the command under test as a process of its own.
func child(b *testing.B, home string, stdout io.Writer,
	args ...string) (wall time.Duration, cpu time.Duration, rss int64) {
	b.Helper()
	bin := os.Getenv("HEALTHSYNC_BENCH_BINARY")
	if bin == "" {
		b.Skip("set HEALTHSYNC_BENCH_BINARY to a build of the command; make bench does")
	}
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), "HEALTHSYNC_HOME="+home, "HEALTHSYNC_VAULT=file", "HEALTHSYNC_BONJOUR=off")
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &errs
	began := time.Now()
	rss, err := runMeasured(cmd)
	if err != nil {
		b.Fatalf("healthsync %v: %v\n%s", args, err, errs.String())
	}
	wall = time.Since(began)
	return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rss
}

func (p *benchPhone) pairWith(b *testing.B, home string) {
	b.Helper()
	payload, err := p.Payload("127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	png, err := pairingcode.EncodePNG(payload, 4)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "code.png")
	if err := os.WriteFile(path, png, 0o600); err != nil {
		b.Fatal(err)
	}
	child(b, home, io.Discard, "scan", "--file", path)
}

// drain asks what a sync asked before, one request after the other, and throws
// the answers away: what a client that does nothing else would need. It keeps to
// the same budget of requests where the iPhone has one.
func (p *benchPhone) drain(b *testing.B, bodies [][]byte, paced bool) time.Duration {
	b.Helper()
	// The bench's own client is let in by a certificate of its own pairing; it
	// verifies nothing, being the yardstick.
	cert, _ := p.clientCertificate(b)
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
	began, answered := time.Now(), make([]time.Time, 0, len(bodies))
	buf := make([]byte, 64<<10)
	for n, body := range bodies {
		if paced && n >= 56 { // as phone.Pacer has it
			time.Sleep(time.Until(answered[n-56].Add(60500 * time.Millisecond)))
		}
		conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port())), conf)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /api/v1/health/data HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		for err == nil {
			_, err = conn.Read(buf)
		}
		conn.Close()
		answered = append(answered, time.Now())
	}
	return time.Since(began)
}

// BenchmarkSync is the whole of a first sync of a million samples: requests and
// reads against their bounds, time against a client that only drains the same
// pages, memory, and the size of the file.
//
// A real iPhone answers 60 requests a minute of 10,000 samples each: "paced". One
// that reads 20,000 samples a second for all requests together is slower than
// that for a page of many types. A simulated one that answers as fast as it can
// is no iPhone; it shows what the sync itself costs.
func BenchmarkSync(b *testing.B) {
	b.Run("paced", func(b *testing.B) { benchmarkSync(b, 0, true) })
	b.Run("20k-a-second", func(b *testing.B) { benchmarkSync(b, 50*time.Microsecond, false) })
	b.Run("flat-out", func(b *testing.B) { benchmarkSync(b, 0, false) })
}

func benchmarkSync(b *testing.B, cost time.Duration, paced bool) {
	p := newBenchPhone(b, cost)
	sync := []string{"sync", "--no-pacing"}
	if paced {
		sync = sync[:1]
	}
	for b.Loop() {
		home := b.TempDir()
		p.pairWith(b, home)
		p.mu.Lock()
		p.bodies = nil
		p.mu.Unlock()
		before := p.Meters()
		wall, cpu, rss := child(b, home, io.Discard, sync...)
		after := p.Meters()
		p.mu.Lock()
		bodies := p.bodies
		p.mu.Unlock()
		drained := p.drain(b, bodies, paced)
		requests, reads := after.Requests-before.Requests, after.SamplesRead-before.SamplesRead
		size := fileSize(b, filepath.Join(home, "health.db"))
		b.ReportMetric(float64(requests), "requests")
		b.ReportMetric(float64(requestBound(p.n)), "bound")
		b.ReportMetric(float64(reads)/float64(p.n), "reads/N")
		b.ReportMetric(wall.Seconds()/drained.Seconds(), "wall/drain")
		b.ReportMetric(drained.Seconds(), "drain-s")
		b.ReportMetric(wall.Seconds(), "sync-s")
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(p.n), "cpu-ns/sample")
		b.ReportMetric(float64(rss)/(1<<20), "RSS-MB")
		b.ReportMetric(float64(size)/float64(p.n), "bytes/sample")
		// And once more: there is nothing new.
		before = p.Meters()
		again, _, _ := child(b, home, io.Discard, "sync", "--no-pacing")
		b.ReportMetric(float64(p.Meters().Requests-before.Requests), "again-requests")
		b.ReportMetric(float64(again.Milliseconds()), "again-ms")
	}
}

// requestBound is how many requests a first sync of n samples may take.
func requestBound(n int) int { return (n+9999)/10000*105/100 + 15 }

// BenchmarkFetch prints a million samples as CSV.
func BenchmarkFetch(b *testing.B) {
	p := newBenchPhone(b, 0)
	home := b.TempDir()
	p.pairWith(b, home)
	for b.Loop() {
		var lines lineCounter
		before := p.Meters()
		wall, cpu, rss := child(b, home, &lines, "fetch", "--no-pacing", "--start", "2000-01-01", "--format", "csv")
		if lines.n != p.n+1 {
			b.Fatalf("%d lines, want a header and %d samples", lines.n, p.n)
		}
		after := p.Meters()
		b.ReportMetric(wall.Seconds(), "fetch-s")
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(p.n), "cpu-ns/sample")
		b.ReportMetric(float64(rss)/(1<<20), "RSS-MB")
		b.ReportMetric(float64(after.Requests-before.Requests), "requests")
		b.ReportMetric(float64(after.SamplesRead-before.SamplesRead)/float64(p.n), "reads/N")
	}
}

// BenchmarkExport writes a million samples of the database as CSV and as JSON.
func BenchmarkExport(b *testing.B) {
	p := newBenchPhone(b, 0)
	home := b.TempDir()
	p.pairWith(b, home)
	child(b, home, io.Discard, "sync", "--no-pacing")
	for _, format := range []string{"csv", "json"} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				var lines lineCounter
				_, cpu, rss := child(b, home, &lines, "export", "--format", format)
				if lines.n < p.n {
					b.Fatalf("%d lines of %d samples", lines.n, p.n)
				}
				b.ReportMetric(cpu.Seconds()/float64(p.n)*1e6, "cpu-s/million")
				b.ReportMetric(float64(rss)/(1<<20), "RSS-MB")
			}
		})
	}
}

type lineCounter struct{ n int }

func (l *lineCounter) Write(b []byte) (int, error) {
	l.n += bytes.Count(b, []byte{'\n'})
	return len(b), nil
}

// fileSize is that of a database and what has not been folded into it yet.
func fileSize(b *testing.B, path string) int64 {
	b.Helper()
	var sum int64
	for _, suffix := range []string{"", "-wal"} {
		if st, err := os.Stat(path + suffix); err == nil {
			sum += st.Size()
		}
	}
	return sum
}

// clientCertificate pairs once more, as a client of its own.
func (p *benchPhone) clientCertificate(b *testing.B) (cert tls.Certificate, ca *x509.Certificate) {
	b.Helper()
	payload, err := p.Payload("127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	key, err := simulator.GenerateKey()
	if err != nil {
		b.Fatal(err)
	}
	csr, err := pki.NewCSR(key, pki.CommonNameClient)
	if err != nil {
		b.Fatal(err)
	}
	client, err := phone.New(phone.Config{Version: 2, Host: payload.Host, Port: payload.Port,
		Dialer: &trust.Dialer{Trust: trust.Pairing(payload.Leaf, payload.CA)}})
	if err != nil {
		b.Fatal(err)
	}
	issued, err := client.Pair(b.Context(), phone.PairRequest{Code: payload.Code, ClientName: "bench", CSR: csr,
		CA: payload.CA})
	if err != nil {
		b.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{issued.Client.Raw}, PrivateKey: key}, issued.CA
}
