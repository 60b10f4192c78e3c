package phone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"healthsync/pki/trust"
)

// DefaultTimeout is how long the phone may keep silent. It has to read up to
// 10,001 samples of each type asked for before it can say the first byte.
const DefaultTimeout = 30 * time.Second

// Config says how to speak with one phone.
type Config struct {
	// Version is the protocol version of the pairing, 1 or 2.
	Version int
	// Host and Port are where the phone listens; the dialer checks them.
	Host string
	Port int
	// Dialer connects, and verifies the phone's identity inside the handshake.
	Dialer *trust.Dialer
	// Token gives the bearer token of a version 1 pairing. It is asked before
	// each request but Pair, and what it gives is sent after the phone's
	// identity has been verified. Version 2 has no token and does not ask.
	Token func(context.Context) (string, error)
	// Pacer keeps the request budget; all clients of one pairing share one.
	// nil gives the client one of its own, [Unpaced] none.
	Pacer *Pacer
	// WaitLimit is the longest that a call may sleep for the request budget
	// before it gives *RateLimitedError instead; 0 means any time, negative
	// none.
	WaitLimit time.Duration
	// Waiting, where it is set, is told before a call sleeps for the budget.
	Waiting func(time.Duration)
	// Timeout is how long the phone may keep silent at any moment; 0 means
	// DefaultTimeout. The time of a whole call is limited by its context.
	Timeout time.Duration
	// UserAgent names this program, as in "healthsync/1.0". The app ignores
	// it.
	UserAgent string
	// Now is the clock that the phone's is compared with; nil means time.Now.
	Now func() time.Time
}

// Client speaks with one phone. Its methods may be called at the same time.
type Client struct{ conf Config }

// New checks conf. It does not connect.
func New(conf Config) (*Client, error) {
	switch {
	case conf.Version != 1 && conf.Version != 2:
		return nil, fmt.Errorf("phone: there is no protocol version %d", conf.Version)
	case conf.Dialer == nil:
		return nil, errors.New("phone: no dialer")
	case conf.Host == "" || conf.Port < 1 || conf.Port > 65535:
		return nil, errors.New("phone: no address")
	}
	if conf.Pacer == nil {
		conf.Pacer = NewPacer()
	}
	if conf.Timeout <= 0 {
		conf.Timeout = DefaultTimeout
	}
	if conf.Now == nil {
		conf.Now = time.Now
	}
	if conf.WaitLimit == 0 {
		conf.WaitLimit = anyWait
	}
	return &Client{conf: conf}, nil
}

// anyWait is the WaitLimit that limits nothing.
const anyWait = time.Duration(1<<63 - 1)

// maxRefusals bounds how often one call waits and asks again after a 429.
const maxRefusals = 3

// call is one request and what to do with its answer.
type call struct {
	name         Call
	method, path string
	body         []byte
	maxAnswer    int64 // bytes; 0 means maxMessage
	// free calls are not counted by the phone and need no token: pairing.
	free bool
	// empty calls are answered by a success without a body.
	empty bool
	// refuse turns an answer that is not a success into its error; nil means
	// that the protocol's common meanings are all there is.
	refuse func(refusal) error
	// read takes the body of a success.
	read func(io.Reader) error
	facts
}

// facts is what a call tells beside its answer, once it was made.
type facts struct {
	report         *trust.Report
	sent, received time.Time // by Config.Now
	took           time.Duration
}

// do makes one call, waiting for the request budget before it and once more
// for each refusal.
func (c *Client) do(ctx context.Context, k *call) error {
	for refusals := 0; ; {
		err := c.attempt(ctx, k)
		if !errors.Is(err, errRefused) {
			return err
		}
		refusals++
		if k.free || c.conf.Pacer.limit <= 0 || refusals >= maxRefusals {
			return &RateLimitedError{RetryAfter: paceWindow}
		}
	}
}

// errRefused is a 429 on its way from attempt to do.
var errRefused = errors.New("too many requests")

func (c *Client) attempt(ctx context.Context, k *call) (err error) {
	token := ""
	if c.conf.Version == 1 && !k.free {
		if token, err = c.token(ctx); err != nil {
			return err
		}
	}
	var s slot
	if !k.free {
		if s, err = c.conf.Pacer.wait(ctx, c.conf.WaitLimit, c.conf.Waiting); err != nil {
			return err
		}
	}
	sent, err := c.exchange(ctx, k, token)
	switch {
	case k.free:
	case errors.Is(err, errRefused):
		s.refused()
	case sent:
		s.counted()
	default:
		s.unsent()
	}
	return err
}

// token asks for the token and checks that it can stand in a header.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.conf.Token == nil {
		return "", errors.New("phone: a version 1 client needs a token")
	}
	token, err := c.conf.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("phone: the token: %w", err)
	}
	if !plainToken(token) {
		return "", errors.New("phone: the stored token is damaged")
	}
	return token, nil
}

// plainToken reports what the app can have issued: visible ASCII without a
// space, since it splits the header at spaces.
func plainToken(token string) bool {
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return token != "" && len(token) <= 1024
}
