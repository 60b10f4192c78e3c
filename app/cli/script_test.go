package cli_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"healthsync/app/cli"
	"healthsync/app/files"
	"healthsync/pki/pairingcode"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
)

// clockVar shifts the clock of the command under test, in this binary only.
const clockVar = "HS_TEST_CLOCK"

func TestMain(m *testing.M) {
	programs := map[string]func(){"healthsync": commandUnderTest, "HealthSync": commandUnderTest}
	addPrograms(programs)
	testscript.Main(m, programs)
}

// commandUnderTest is main of the real program, with a clock that scripts set.
func commandUnderTest() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	env := cli.OSEnv("")
	if d, err := time.ParseDuration(os.Getenv(clockVar)); err == nil {
		env.Now = func() time.Time { return time.Now().Add(d) }
	}
	os.Exit(cli.Main(ctx, env))
}

// TestScript runs testdata/script/*.txtar: every command by its exit status,
// its output and a silent standard error.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") == "1",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HEALTHSYNC_HOME", filepath.Join(e.WorkDir, "home"))
			repo, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			e.Setenv("REPO", repo)
			e.Setenv("FINGERPRINT", strings.Repeat("ab", 32))
			e.Setenv("HEALTHSYNC_VAULT", "file")
			e.Setenv("HEALTHSYNC_BONJOUR", "off")
			e.Setenv("TZ", "UTC")
			e.Setenv("NO_COLOR", "1")
			now := time.Now().UTC()
			e.Setenv("TODAY", now.Format(time.DateOnly))
			e.Setenv("NEXTYEAR", now.AddDate(1, 0, 0).Format(time.DateOnly))
			e.Setenv("IN5YEARS", now.AddDate(5, 0, 0).Format(time.DateOnly))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"phone": phoneCommand,
			"quiet": quiet,
			"exit":  exitStatus,
			"mode":  fileMode,
			"app":   makeApp,
			"fails": fails,
			"hold":  holdLock,
			"newer": newerSchema,
			"clock": func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(clockVar, args[0]) },
		},
	})
}

// quiet checks that the last command said nothing on standard error but where
// the secrets are, which the file vault says each time.
func quiet(ts *testscript.TestScript, neg bool, _ []string) {
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if !strings.Contains(line, "note: secrets are kept in a file") {
			if !neg {
				ts.Fatalf("standard error is not silent: %s", line)
			}
			return
		}
	}
	if neg {
		ts.Fatalf("standard error is silent")
	}
}

// exitStatus runs a command that must end with a status: exit 12 healthsync ...
func exitStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		got = -1
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			got = ended.ExitCode()
		}
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// fails runs a command that must end with a status and a condition, told as the
// user guide shows it, with what to do: fails 12 CERT_REVOKED healthsync status
func fails(ts *testscript.TestScript, neg bool, args []string) {
	exitStatus(ts, neg, append([]string{args[0]}, args[2:]...))
	said := ts.ReadFile("stderr")
	if !strings.Contains(said, "\nError: "+args[1]+"\n") || !strings.Contains(said, "\nFix: ") {
		ts.Fatalf("%s did not tell of %s and what to do:\n%s", strings.Join(args[2:], " "), args[1], said)
	}
}

// holdLock holds a lock of ours until the script ends.
func holdLock(ts *testscript.TestScript, _ bool, args []string) {
	l, err := files.Take(ts.MkAbs(args[0]), "another sync", time.Now())
	ts.Check(err)
	ts.Defer(func() { _ = l.Release() })
}

// newerSchema makes a database one of a later version: the user version is the
// 32-bit number at offset 60 of the file (SQLite's file format, 1.3).
func newerSchema(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	_, err = f.WriteAt([]byte{0, 0, 0x7f, 0xff}, 60)
	ts.Check(errors.Join(err, f.Close()))
}

// fileMode checks the permissions of a file: mode 600 home/health.db
func fileMode(ts *testscript.TestScript, neg bool, args []string) {
	st, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(st.Mode().Perm()), 8); (got == args[0]) == neg {
		ts.Fatalf("%s has mode %s", args[1], got)
	}
}

// makeApp puts the program into an app: app Applications
func makeApp(ts *testscript.TestScript, _ bool, args []string) {
	exe, err := os.Executable()
	ts.Check(err)
	program := ts.MkAbs(filepath.Join(args[0], "HealthSync.app", "Contents", "MacOS", "HealthSync"))
	ts.Check(os.MkdirAll(filepath.Dir(program), 0o755))
	if os.Link(exe, program) == nil {
		return
	}
	data, err := os.ReadFile(exe) // on another file system
	ts.Check(err)
	ts.Check(os.WriteFile(program, data, 0o755))
}

// scriptPhone is the simulated iPhone of one script.
type scriptPhone struct {
	*simulator.Phone
	ahead atomic.Int64 // of its clock, nanoseconds
}

var phones sync.Map // *testscript.TestScript to *scriptPhone: scripts run side by side

// phoneCommand starts and handles a simulated iPhone:
//
//	phone start [protocol=2] [seed=7] [days=3] [samples=N] [types=a,b] [name=X] [dir=D] [clock=DURATION] [fault=F]...
//	phone code | lock | unlock | stop | restart | revoke | fault F... | heal | clock DURATION | delete TYPE N
//
// code.png and code.json hold its pairing code, $PORT its port.
func phoneCommand(ts *testscript.TestScript, _ bool, args []string) {
	var p *scriptPhone
	if v, ok := phones.Load(ts); ok {
		p = v.(*scriptPhone)
	} else if args[0] != "start" {
		ts.Fatalf("phone %s before phone start", args[0])
	}
	switch args[0] {
	case "start":
		p = startPhone(ts, args[1:])
		if old, ok := phones.Swap(ts, p); ok {
			old.(*scriptPhone).Stop()
		}
		ts.Defer(func() { p.Stop(); phones.Delete(ts) })
		writeCode(ts, p)
	case "code":
		writeCode(ts, p)
	case "lock", "unlock":
		p.SetLocked(args[0] == "lock")
	case "stop":
		p.Stop()
	case "restart":
		p.Stop()
		ts.Check(p.Start("127.0.0.1:0"))
		ts.Setenv("PORT", strconv.Itoa(p.Port()))
	case "revoke":
		ts.Check(p.Revoke())
	case "fault":
		ts.Check(p.SetFaults(args[1:]...))
	case "heal":
		ts.Check(p.SetFaults())
	case "clock":
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		p.ahead.Store(int64(d))
	case "delete":
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		samples := p.History().Samples(health.Type(args[1]))
		for _, s := range samples[len(samples)-n:] {
			p.History().Delete(s.Type, s.ID)
		}
	default:
		ts.Fatalf("phone %s?", args[0])
	}
}

func startPhone(ts *testscript.TestScript, args []string) *scriptPhone {
	p := &scriptPhone{}
	o := simulator.Options{Protocol: 2, NoRateLimit: true,
		Now: func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }}
	plan := simulator.Plan{Seed: 7, Location: time.UTC}
	days := 3
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		var err error
		switch key {
		case "protocol":
			o.Protocol, err = strconv.Atoi(value)
		case "days":
			days, err = strconv.Atoi(value)
		case "seed": // another person's history
			plan.Seed, err = strconv.ParseUint(value, 10, 64)
		case "samples":
			plan.Samples, err = strconv.Atoi(value)
		case "types":
			for t := range strings.SplitSeq(value, ",") {
				plan.Types = append(plan.Types, health.Type(t))
			}
		case "name":
			o.DeviceName = value
		case "fault":
			o.Faults = append(o.Faults, value)
		case "clock":
			var d time.Duration
			d, err = time.ParseDuration(value)
			p.ahead.Store(int64(d))
		case "ratelimit":
			o.NoRateLimit = false
		default:
			ts.Fatalf("phone start %s?", a)
		}
		ts.Check(err)
	}
	now := o.Now()
	plan.From, plan.To = now.AddDate(0, 0, -days), now
	var err error
	o.History, err = simulator.Generate(plan)
	ts.Check(err)
	p.Phone, err = simulator.New(o)
	ts.Check(err)
	ts.Check(p.Start("127.0.0.1:0"))
	ts.Setenv("PORT", strconv.Itoa(p.Port()))
	return p
}

func writeCode(ts *testscript.TestScript, p *scriptPhone) {
	payload, err := p.Payload("127.0.0.1")
	ts.Check(err)
	png, err := pairingcode.EncodePNG(payload, 4)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("code.png"), png, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("code.json"), payload.JSON(), 0o600))
	ts.Setenv("CODE", payload.Code)
	ts.Setenv("LEAF", payload.Leaf.Hex())
	if payload.Version == 2 {
		ts.Setenv("CA", payload.CA.Hex())
	}
}
