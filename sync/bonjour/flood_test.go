package bonjour

import (
	"fmt"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// BenchmarkFlood gives the cost of one packet of a flood, with all that a
// listener does after it; what the guard admits of them is in guard.go.
func BenchmarkFlood(b *testing.B) {
	header := func(name string, kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 4500}
	}
	service := func(i int) string { return fmt.Sprintf("x%d.%s", i, serviceName) }
	ptr := func(i int) dns.RR {
		return &dns.PTR{Hdr: header(serviceName, dns.TypePTR), Ptr: service(i)}
	}
	srv := func(i int, host string) dns.RR {
		return &dns.SRV{Hdr: header(service(i), dns.TypeSRV), Port: 1, Target: host}
	}
	addr := func(host string, i int, ttl uint32) dns.RR {
		h := header(host, dns.TypeA)
		h.Ttl = ttl
		return &dns.A{Hdr: h, A: net.IPv4(10, 0, byte(i>>8), byte(i))}
	}
	for _, flood := range []struct {
		name string
		make func(k int) []dns.RR
	}{
		{"names", func(k int) (out []dns.RR) { // 128 new ones each
			for j := range maxRecords {
				out = append(out, ptr(k*maxRecords+j))
			}
			return out
		}},
		{"phones", func(k int) (out []dns.RR) { // seven new ones each, of all the addresses that are kept
			for j := range maxRecords / (2 + maxAddrs) {
				i := k*maxRecords + j
				host := fmt.Sprintf("h%d.local.", i)
				out = append(out, ptr(i), srv(i, host))
				for a := range maxAddrs {
					out = append(out, addr(host, a, 4500))
				}
			}
			return out
		}},
		{"on one host", func(k int) (out []dns.RR) { // whose addresses come and go
			for j := range maxRecords - 2 - maxAddrs {
				out = append(out, srv(k*maxRecords+j, "one.local."))
			}
			for a := range maxAddrs {
				out = append(out, addr("one.local.", a+maxAddrs*(k%2), 4500), addr("one.local.", a+maxAddrs*((k+1)%2), 0))
			}
			return out
		}},
		{"of addresses", func(k int) (out []dns.RR) { // all is kept already but one address
			for j := range 64 {
				i := (k%4)*64 + j
				out = append(out, srv(i, fmt.Sprintf("h%d.local.", i)), addr(fmt.Sprintf("h%d.local.", i), k%maxAddrs, 4500))
			}
			return out
		}},
	} {
		b.Run(flood.name, func(b *testing.B) {
			var raw [][]byte
			for k := range 300 {
				m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Compress: true, Answer: flood.make(k)}
				p, err := m.Pack()
				if err != nil {
					b.Fatal(err)
				}
				raw = append(raw, p)
			}
			e := &ear{heard: newHeard(), joined: map[int]joined{1: {}}}
			n := 0
			for b.Loop() {
				e.take(packet{raw[n%len(raw)], 1}, func(news) {})
				e.ask(wall())
				e.heard.next()
				n++
			}
			b.ReportMetric(float64(len(raw[0])), "bytes/packet")
		})
	}
}
