package cli

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"healthsync/app/agent"
	"healthsync/app/agent/control"
	"healthsync/app/agent/desktop"
	"healthsync/app/agent/wake"
	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/menubar"
	"healthsync/menubar/login"
	"healthsync/pki/vault"
	"healthsync/sync/bonjour"
)

func newMenubarCommand(env *Env) *cobra.Command {
	var noTray bool
	cmd := &cobra.Command{
		Use:   "menubar",
		Short: "Run the menu-bar app",
		Long: `Runs the menu-bar app until it is told to quit: it shows how things stand, syncs by
itself and on demand, renews certificates, follows the iPhone to a new address, and
speaks up when a person must act. HealthSync.app starts it; it is started by hand on
Linux, where the icon needs a tray that knows StatusNotifierItem (KDE, Xfce, Cinnamon,
MATE; GNOME with its AppIndicator extension).

A second one ends at once. What it does is in the log (healthsync logs).`,
		Example: "  healthsync menubar\n  healthsync menubar --no-tray",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runMenubar(cmd.Context(), env, noTray) },
	}
	cmd.Flags().BoolVar(&noTray, "no-tray", false, "sync and notify without an icon")
	return cmd
}

// needsMainThread reports the commands whose windows must be on the main
// thread; every other one runs quicker on any (see Main).
func needsMainThread(args []string) bool {
	return len(args) > 0 && (args[0] == "menubar" || args[0] == "scan")
}

func runMenubar(ctx context.Context, env *Env, noTray bool) error {
	p, err := env.paths()
	if err != nil {
		return err
	}
	held, err := files.Take(filepath.Join(p.Data, "app.lock"), "the menu-bar app", env.Now())
	var busy *files.HeldError
	if errors.As(err, &busy) {
		env.note("HealthSync is running already (process %d)", busy.Holder.PID)
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Release()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	logger := env.logger(p)
	// systray reports its errors to the standard logger only.
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(logger.Handler(), slog.LevelWarn).Writer())
	logger.Info("the menu-bar app starts", "version", env.build().Version, "process", os.Getpid())

	var a *agent.Agent
	made := make(chan struct{}) // a click may be what has started the app
	notifier := menubar.NewNotifier(func(string) { <-made; a.Tell(agent.Asked{InPassing: true}) })
	a = agent.New(agent.Options{
		Paths: p, Computer: env.computers(p), Link: env.linkOptions(), Now: env.Now, Log: logger,
		Notify:  notifier.Notify,
		Desktop: &theDesktop{desktop.Desktop{Getenv: env.Getenv}}, Command: env.command, Wake: watch(ctx,
			p), Listen: env.listener(),
		Version: env.build().Version, Camera: haveCamera(), Report: slices.ContainsFunc(commands(env),
			func(c *cobra.Command) bool { return c.Name() == "report" }),
	})
	close(made)
	env.listen(ctx, p, a)
	var running sync.WaitGroup
	running.Go(func() {
		defer quit()
		err = a.Run(ctx)
	})
	if !noTray {
		changed, cancel := a.Subscribe()
		defer cancel()
		tray := menubar.New(menubar.Source{
			State: a.State, Changed: changed, Do: a.Do, Opened: func() { a.Tell(agent.Asked{InPassing: true}) },
			Now: env.Now, Log: logger,
		})
		if terr := tray.Run(ctx); terr != nil {
			logger.Error("no icon", "err", terr)
		}
	}
	running.Wait()
	logger.Info("the menu-bar app ends")
	return err
}

// computers opens this Mac's side of the pairing again and again, with one
// vault: opening one is a connection, and may be a question to the person.
func (e *Env) computers(p config.Paths) func() (*pairing.Computer, error) {
	var mu sync.Mutex
	var opened vault.Vault
	open := func() (vault.Vault, error) {
		mu.Lock()
		defer mu.Unlock()
		if opened != nil {
			return opened, nil
		}
		v, err := e.openVault(p)
		if err == nil {
			opened = v
		}
		return v, err
	}
	return func() (*pairing.Computer, error) {
		c, err := config.Load(p.ConfigFile())
		if err != nil {
			return nil, err
		}
		s := e.computerWith(p, c)
		s.OpenVault = open
		return s, nil
	}
}

// command is this program as a child of its own.
func (e *Env) command(ctx context.Context, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err == nil {
		// Through a link (Homebrew's) the bundle could not be found.
		if real, rerr := filepath.EvalSymlinks(exe); rerr == nil {
			exe = real
		}
	}
	if e.vaultKind != "" {
		args = append(args, "--vault="+e.vaultKind)
	}
	return exec.CommandContext(ctx, exe, args...)
}

// listener receives announcements; nil where Bonjour is switched off.
func (e *Env) listener() agent.Listener {
	if e.Getenv("HEALTHSYNC_BONJOUR") == "off" {
		return nil
	}
	return func(ctx context.Context, poke <-chan struct{}, report func(bonjour.Event)) error {
		return new(bonjour.Browser).Watch(ctx, bonjour.WatchOptions{Quiet: true, Poke: poke}, report)
	}
}

// watch tells of wakes, changes of the network, and changes of our files by
// other processes.
func watch(ctx context.Context, p config.Paths) <-chan agent.Message {
	out := make(chan agent.Message)
	send := func(on bool, m agent.Message) {
		if on {
			select {
			case out <- m:
			case <-ctx.Done():
			}
		}
	}
	go wake.Watch(ctx, wake.Native(), []string{p.ConfigFile(), p.PairingFile()}, func(e wake.Event) {
		send(e.Woke, agent.Woke{})
		send(e.Network, agent.NetworkChanged{})
		send(e.Files, agent.FilesChanged{})
	})
	return out
}

// listen lets the commands ask the app. Without a socket they look for
// themselves.
func (e *Env) listen(ctx context.Context, p config.Paths, a *agent.Agent) {
	l, err := control.Listen(control.Path(p))
	if err != nil {
		e.log.Warn("commands cannot ask the app", "err", err)
		return
	}
	go func() {
		if err := control.Serve(ctx, l, a); err != nil {
			e.log.Warn("commands cannot ask the app any more", "err", err)
		}
	}()
}

// theDesktop is the desktop, and the system's list of what starts at login.
type theDesktop struct{ desktop.Desktop }

// Login says whether the app starts at login, and whether that can be told.
func (theDesktop) Login() (on, known bool) {
	s, err := login.Get()
	return s == login.On, err == nil
}

// SetLogin makes the app start at login, or not.
func (theDesktop) SetLogin(on bool) error {
	if err := login.Set(on); err != nil {
		return fmt.Errorf("launch at login: %w", err)
	}
	return nil
}

// unlockMainThread undoes what package systray does to every program that has
// it: it ties the main goroutine to the main thread, which makes each hand-over
// between it and another goroutine a switch of threads. Only windows need that.
func unlockMainThread(args []string) {
	if !needsMainThread(args) {
		runtime.UnlockOSThread()
	}
}

// changing lists the commands after which the menu-bar app has something new
// to show.
var changing = []string{
	"scan", "pair", "unpair", "sync", "discover", "config set", "config reset", "keychain clear", "reset", "cert renew",
}

// tellApp tells the menu-bar app, where one is running, that a command may
// have changed something.
func (e *Env) tellApp(ctx context.Context, cmd *cobra.Command) {
	if p, err := e.paths(); err == nil && slices.Contains(changing, commandName(cmd)) {
		control.TellChanged(context.WithoutCancel(ctx), control.Path(p))
	}
}

// commandName is the command without the program's name.
func commandName(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}
