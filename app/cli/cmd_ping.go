package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"healthsync/app/pairing"
	"healthsync/app/words"
	"healthsync/pki/trust"
)

type pingOptions struct {
	link     linkFlags
	count    int
	interval time.Duration
}

func newPingCommand(env *Env) *cobra.Command {
	var o pingOptions
	cmd := &cobra.Command{
		Use:   "ping",
		Short: "Measure connection, TLS and answer separately",
		Long: `Asks the paired iPhone for its status a few times and shows how long the
connection (TCP), the handshake (TLS) and the answer took. Each is a request of
the 60 a minute that the iPhone answers.`,
		Example: "  healthsync ping\n  healthsync ping --count 10 --interval 2s\n  healthsync ping --host 192.168.1.20 --port 51234",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runPing(cmd.Context(), env, &o) },
	}
	f := cmd.Flags()
	numberVar(f, &o.count, "count", 4, 1, 50, "how often")
	spanVar(f, &o.interval, "interval", time.Second, "", "how long from one to the next")
	o.link.addFlags(f)
	return cmd
}

type pingTimes struct {
	Addr    string  `json:"addr"`
	TCP     float64 `json:"tcpMilliseconds"`
	TLS     float64 `json:"tlsMilliseconds"`
	Request float64 `json:"requestMilliseconds"`
}

func runPing(ctx context.Context, env *Env, o *pingOptions) error {
	s, err := env.computer()
	if err != nil {
		return err
	}
	lo, err := o.link.options(env)
	if err != nil {
		return err
	}
	var all []pingTimes
	for i := range o.count {
		if i > 0 && !pause(ctx, o.interval) {
			return ctx.Err()
		}
		t, name, err := pingOnce(ctx, s, lo)
		if err != nil {
			if len(all) > 0 && !env.JSON {
				env.printf("%s\n", pingSummary(all))
			}
			return err
		}
		all = append(all, t)
		if !env.JSON {
			env.printf("%s at %s: TCP %.1f ms, TLS %.1f ms, answer %.1f ms\n", deviceName(name), t.Addr, t.TCP, t.TLS,
				t.Request)
		}
	}
	return env.answer(fields{"pings": all}, "%s\n", pingSummary(all))
}

func pingOnce(ctx context.Context, s *pairing.Computer, o pairing.LinkOptions) (pingTimes, string, error) {
	l, err := s.Link(ctx, o)
	if err != nil {
		return pingTimes{}, "", err
	}
	st, err := l.Reach(ctx)
	if err != nil {
		return pingTimes{}, "", err
	}
	in := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	r := st.Report
	return pingTimes{Addr: r.Remote, TCP: in(r.Took(trust.StepConnect)), TLS: in(r.Took(trust.StepTLS)),
		Request: in(st.RoundTrip)}, st.Name, nil
}

// pingSummary gives the smallest, the middle and the largest sum.
func pingSummary(all []pingTimes) string {
	sums := make([]float64, len(all))
	for i, t := range all {
		sums[i] = t.TCP + t.TLS + t.Request
	}
	slices.Sort(sums)
	median := (sums[(len(sums)-1)/2] + sums[len(sums)/2]) / 2
	return fmt.Sprintf("%s: %.1f / %.1f / %.1f ms (least / median / most)", words.Plural(len(all), "answer"), sums[0],
		median, sums[len(sums)-1])
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
