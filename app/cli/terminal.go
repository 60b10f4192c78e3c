package cli

import (
	"context"
	"errors"
	"fmt"

	"healthsync/menubar/native/command"
)

// terminal is the menu's offer to make the command reachable.
type terminal struct {
	program func() (string, error)
	folders []string
	admin   string
	// asAdmin runs words for a shell as an administrator whom macOS asks for.
	asAdmin func(ctx context.Context, shell, prompt string) (bool, error)
}

func (d *theDesktop) terminal() terminal {
	return terminal{appProgram, command.Folders(d.Getenv("HOME")), command.Admin, d.AsAdmin}
}

// Terminal is the question that offers it; "" where there is nothing to offer.
func (d *theDesktop) Terminal() string { return d.terminal().question() }

// SetTerminal makes the link.
func (d *theDesktop) SetTerminal(ctx context.Context) error { return d.terminal().link(ctx) }

func (t terminal) look() command.Offer {
	program, err := t.program()
	if err != nil { // a bare program, or a copy that is gone tomorrow
		return command.Offer{State: command.There}
	}
	return command.Look(program, t.folders, t.admin)
}

func (t terminal) question() string {
	o := t.look()
	text := fmt.Sprintf("Use HealthSync in Terminal, too? This makes the link %s, which leads into the app.", o.Link)
	switch o.State {
	case command.Possible:
		return text
	case command.NeedsAdmin:
		return text + " macOS will ask for an administrator's password."
	}
	return ""
}

func (t terminal) link(ctx context.Context) error {
	o := t.look()
	err := o.Make()
	var admin *command.AdminError
	if errors.As(err, &admin) {
		if _, err := t.asAdmin(ctx, admin.Shell, "HealthSync makes the link "+o.Link+"."); err != nil {
			return err
		}
		if t.look().State == command.There {
			return nil
		}
	}
	return linkError(o.Program, err)
}
