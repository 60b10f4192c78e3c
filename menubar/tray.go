package menubar

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"fyne.io/systray"

	"healthsync/app/problem"
	"healthsync/app/state"
)

// Source is where the tray gets what it draws, and where clicks go.
type Source struct {
	// State is how things stand; Changed is full when there is another.
	State   func() state.State
	Changed <-chan struct{}
	// Do takes an action. It must not block.
	Do func(problem.Action)
	// Opened is called when the menu is opened, where the system reports that.
	Opened func()
	Now    func() time.Time
	Log    *slog.Logger
}

// Tray is the icon with its menu on the screen. There is one in a process: the
// library keeps it in variables of its own.
type Tray struct {
	source Source
	// drawn is what is on the screen. One goroutine draws; clicks read it.
	drawn atomic.Pointer[Menu]
	rows  []*item
	icon  []byte
	title string
}

// item is a row on the screen with its position in the menu.
type item struct {
	path []int // indices down to the row
	on   *systray.MenuItem
	rows []*item
}

// New makes a tray that is not on the screen yet.
func New(s Source) *Tray { return &Tray{source: s} }

// Run shows the tray until ctx ends. It must run on the main goroutine: macOS
// has its menu bar there.
func (t *Tray) Run(ctx context.Context) error { return t.run(ctx) }

// build makes the skeleton: all rows that there will ever be. Nothing is added
// or removed afterwards, so that the menu may be open at any time.
func (t *Tray) build() {
	m := View(t.source.State(), t.source.Now())
	t.drawn.Store(&m)
	t.rows = t.addRows(m.Rows, nil, nil)
}

func (t *Tray) addRows(rows []Row, parent *systray.MenuItem, path []int) []*item {
	var items []*item
	for i, r := range rows {
		it := &item{path: append(slices.Clone(path), i)}
		items = append(items, it)
		if r.Separator {
			if parent == nil {
				systray.AddSeparator()
			} else {
				parent.AddSeparator()
			}
			continue
		}
		it.on = add(parent, r)
		// The library drops a click when nobody is waiting for it (systray.go,
		// systrayMenuItemSelected); with room in the channel none is dropped. No
		// click can come before the menu is shown, so nobody uses the channel yet.
		it.on.ClickedCh = make(chan struct{}, clicksKept)
		go t.listen(it)
		if r.Disabled {
			it.on.Disable()
		}
		if r.Hidden {
			it.on.Hide()
		}
		it.rows = t.addRows(r.Rows, it.on, it.path)
	}
	return items
}

// clicksKept is how many clicks on one row may wait.
const clicksKept = 64

func add(parent *systray.MenuItem, r Row) *systray.MenuItem {
	title := label(r.Label)
	switch {
	case parent == nil && r.Checkable:
		return systray.AddMenuItemCheckbox(title, "", r.Checked)
	case parent == nil:
		return systray.AddMenuItem(title, "")
	case r.Checkable:
		return parent.AddSubMenuItemCheckbox(title, "", r.Checked)
	}
	return parent.AddSubMenuItem(title, "")
}

// listen turns the clicks on a row into what the row asks for as it is drawn.
// A row that is greyed asks for nothing; some trays deliver clicks on one all
// the same.
func (t *Tray) listen(it *item) {
	for range it.on.ClickedCh {
		r := t.drawn.Load().row(it.path)
		if r != nil && !r.Disabled && !r.Hidden && len(r.Rows) == 0 && r.Action.Name != "" {
			t.source.Do(r.Action)
		}
	}
}

// row gives the row at a position.
func (m *Menu) row(path []int) *Row {
	rows := m.Rows
	var r *Row
	for _, i := range path {
		if i >= len(rows) {
			return nil
		}
		r = &rows[i]
		rows = r.Rows
	}
	return r
}

// every is how often the times in the menu ("5 minutes ago") are looked at.
const every = time.Minute

// draw draws what changes until ctx ends. It is the only goroutine that
// touches what is on the screen.
func (t *Tray) draw(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	t.redraw()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.source.Changed:
		case <-tick.C:
		case <-systray.TrayOpenedCh:
			t.source.Opened()
		}
		t.redraw()
	}
}

// redraw changes on the screen what differs from the Menu.
func (t *Tray) redraw() {
	m := View(t.source.State(), t.source.Now())
	before := t.drawn.Swap(&m)
	t.drawIcon(m)
	t.drawRows(before.Rows, m.Rows, t.rows)
}

func (t *Tray) drawRows(before, after []Row, items []*item) {
	for i, it := range items {
		if it.on == nil {
			continue
		}
		b, a := before[i], after[i]
		if b.Label != a.Label {
			it.on.SetTitle(label(a.Label))
		}
		if b.Checked != a.Checked {
			if a.Checked {
				it.on.Check()
			} else {
				it.on.Uncheck()
			}
		}
		if b.Disabled != a.Disabled {
			if a.Disabled {
				it.on.Disable()
			} else {
				it.on.Enable()
			}
		}
		// Last, so that a row that appears is complete.
		if b.Hidden != a.Hidden {
			if a.Hidden {
				it.on.Hide()
			} else {
				it.on.Show()
			}
		}
		t.drawRows(b.Rows, a.Rows, it.rows)
	}
}

// drawIcon changes icon and tooltip where they differ from what is shown.
func (t *Tray) drawIcon(m Menu) {
	icon, err := t.picture(m.Icon)
	switch {
	case err != nil || len(icon) == 0: // an empty picture would panic on macOS
		t.source.Log.Error("the icon is missing", "icon", m.Icon, "err", err)
	case string(icon) != string(t.icon):
		t.icon = icon
		t.setIcon(icon)
	}
	if m.Tooltip != t.title {
		t.title = m.Tooltip
		systray.SetTooltip(m.Tooltip)
	}
}

// forget makes the next drawing set icon and tooltip whatever they are.
func (t *Tray) forget() { t.icon, t.title = nil, "" }
