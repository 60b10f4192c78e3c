package menubar

import (
	"cmp"
	"slices"
	"time"

	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/app/words"
)

// View draws a State as of now, whose location is the one that dates are
// written in. It is pure: the same values give the same Menu.
func View(s state.State, now time.Time) Menu {
	title, last := titleOf(s), lastRow(s, now)
	m := Menu{Icon: iconOf(s), Tooltip: title}
	if last != "" {
		m.Tooltip += "\n" + last
	}
	m.Rows = slices.Concat(
		[]Row{
			info("title", title),
			info("last", last),
			info("certificates-line", trustRow(s, now)),
			separator("s1"),
		},
		syncRows(s),
		[]Row{separator("s2")},
		problemRows(s),
		[]Row{pairRow(s), certificatesRow(s, now), todayRow(s), dataRow(s)},
		lastRows(s),
	)
	return m
}

// iconOf is what the icon says: what a person must see to first comes first.
func iconOf(s state.State) Icon {
	switch {
	case s.Sync != nil && s.Sync.Holder == "":
		return IconSyncing
	case s.Link == state.LinkNotPaired:
		return IconNotPaired
	case s.Link == state.LinkAttention, s.Link == state.LinkConnected && worst(s) == problem.Severe:
		return IconAttention
	case s.Link == state.LinkConnected:
		return IconConnected
	}
	return IconAway
}

func worst(s state.State) problem.Severity {
	w := problem.Info
	for _, c := range s.Conditions {
		w = max(w, c.Severity)
	}
	return w
}

func titleOf(s state.State) string {
	return cmp.Or(words.Safe(s.Device, nameLength), "HealthSync") + " - " + word(s)
}

// word is how things stand in a word or two.
func word(s state.State) string {
	if s.Sync != nil && s.Sync.Holder == "" {
		if s.Sync.Stopping {
			return "Stopping"
		}
		if p, ok := s.Sync.Percent(); ok {
			return "Syncing " + words.Count(int64(p)) + "%"
		}
		return "Syncing"
	}
	switch s.Link {
	case "":
		return "Starting"
	case state.LinkNotPaired:
		return "Not paired" // the command line's word for it is the guide's
	case state.LinkConnected:
		if worst(s) == problem.Severe {
			return state.LinkAttention.Words()
		}
	}
	return s.Link.Words()
}

// lastRow tells of the sync that runs, or of the last one.
func lastRow(s state.State, now time.Time) string {
	if p := s.Sync; p != nil {
		if p.Holder != "" {
			return words.Capital(words.Safe(p.Holder, lineLength)) + " is syncing"
		}
		line := "Looking for new samples"
		if p.Samples > 0 {
			line = words.Plural(p.Samples, "sample") + " read · " + words.Count(p.New) + " new"
		}
		if p.Known && p.Seconds >= 1 && !p.Stopping {
			line += " · about " + words.Span(time.Duration(p.Seconds*float64(time.Second))) + " left"
		}
		return line
	}
	if s.LastSync.IsZero() {
		if s.Paired {
			return "Never synced"
		}
		return ""
	}
	line := "Last sync " + ago(now.Sub(s.LastSync))
	if s.LastAdded > 0 {
		return line + " · " + words.Plural(int64(s.LastAdded), "new sample")
	}
	return line + " · nothing new"
}

// trustRow is the first thing wrong, in words, or how long the certificates
// are good.
func trustRow(s state.State, now time.Time) string {
	for _, c := range s.Conditions {
		if c.Code != problem.NotPaired && c.Severity > problem.Info {
			return line(c)
		}
	}
	for _, c := range s.Credentials {
		if c.Ended(now) {
			return owner(c.Name) + " ended on " + day(c.NotAfter, now)
		}
	}
	for _, c := range s.Credentials {
		if c.Advisory || c.NotAfter.IsZero() {
			continue
		}
		if c.Name == "token" {
			return "Pairing valid until " + day(c.NotAfter, now)
		}
		return "Certificates valid until " + day(c.NotAfter, now)
	}
	return ""
}

// line is a condition in one line: what ends soon says when.
func line(c problem.JSON) string {
	dated := []problem.Code{problem.CertExpiring, problem.TokenExpiring, problem.TypeSilent}
	if slices.Contains(dated, c.Code) && c.Detail != "" {
		return words.Safe(c.Detail, lineLength)
	}
	if c.Code == problem.ConnRefused { // the sentence of the guide is the error's
		return "The app on the iPhone is not sharing at the moment"
	}
	return words.Safe(c.Sentence, lineLength)
}

func syncRows(s state.State) []Row {
	own := s.Sync != nil && s.Sync.Holder == ""
	return []Row{
		click("sync", "Sync Now", problem.ActSync).hide(own).grey(!s.Paired),
		// A row of its own: a click that meant the one must never do the other.
		click("stop", "Stop Syncing", problem.ActStop).hide(!own).grey(own && s.Sync.Stopping),
		{ID: "auto", Label: "Sync Automatically", Rows: intervalRows(s.Menu.Interval)},
	}
}

// intervals are what the menu offers; any other comes from the configuration
// and gets the last row while it is in force.
var intervals = []struct {
	label, value string
	d            time.Duration
}{
	{"Every 15 minutes", "15m", 15 * time.Minute},
	{"Every hour", "1h", time.Hour},
	{"Every day", "1d", 24 * time.Hour},
	{"Only when I ask", "manual", 0},
}

func intervalRows(d time.Duration) []Row {
	other := Row{ID: "auto-other", Checkable: true, Checked: true, Disabled: true, Label: "Every " + words.Span(d)}
	var rows []Row
	for _, i := range intervals {
		row := click("auto-"+i.value, i.label, problem.ActInterval).check(d == i.d)
		row.Action.Arg = i.value
		rows = append(rows, row)
		other.Hidden = other.Hidden || d == i.d
	}
	return append(rows, other)
}

// problemRows are the question that waits, the click that failed, and the
// remedy of the first condition.
func problemRows(s state.State) []Row {
	ask := state.Question{}
	if s.Menu.Question != nil {
		ask = *s.Menu.Question
	}
	noAsk := s.Menu.Question == nil
	failed := Row{ID: "failure", Hidden: true, Action: problem.Action{Name: problem.ActDismiss}}
	failedFix := Row{ID: "failure-fix", Hidden: true}
	var failure problem.Remedy
	if f := s.Menu.Failure; f != nil {
		failed.Hidden, failed.Label = false, words.Safe(f.What+" failed: "+f.Error.Sentence, lineLength)
		failure = f.Error.Remedy
		failedFix = fixRow("failure-fix", failure)
	}
	fix := Row{ID: "fix", Hidden: true}
	for _, c := range s.Conditions {
		if c.Code != problem.NotPaired && c.Severity > problem.Info && c.Remedy != failure { // pairing has its own row
			fix = fixRow("fix", c.Remedy)
			break
		}
	}
	busy := info("busy", words.Safe(s.Menu.Busy, lineLength))
	return []Row{
		{ID: "ask", Label: words.Safe(ask.Text, lineLength), Disabled: true, Hidden: noAsk},
		{ID: "ask-yes", Label: ask.Yes, Hidden: noAsk, Action: ask.Then},
		{ID: "ask-no", Label: ask.No, Hidden: noAsk, Action: problem.Action{Name: problem.ActDismiss}},
		busy, failed, failedFix, fix,
	}
}

// fixRow offers a remedy: as a click where the menu can do it, else as words.
func fixRow(id string, r problem.Remedy) Row {
	text := r.Text
	if r.Action == "" && r.Command != "" {
		text = r.String()
	}
	return click(id, "Fix: "+words.Safe(text, lineLength), r.Action).hide(text == "").grey(r.Action == "")
}

func pairRow(s state.State) Row {
	return Row{ID: "pair", Label: "Pair an iPhone", Rows: []Row{
		click("pair-camera", "Scan QR Code with Camera...", problem.ActPairCamera).hide(!s.Menu.Camera),
		click("pair-clipboard", "From Clipboard", problem.ActPairClipboard),
		click("pair-file", "From Image File...", problem.ActPairFile),
	}}
}

// credentials are the rows that there may be, in the order of the menu.
var credentials = []struct{ name, label string }{
	{"client", "Mac"}, {"server", "iPhone"}, {"ca", "CA"}, {"token", "Pairing"},
}

func certificatesRow(s state.State, now time.Time) Row {
	r := Row{ID: "certificates", Label: "Certificates", Hidden: !s.Paired}
	for _, c := range credentials {
		row := Row{ID: "cert-" + c.name, Disabled: true, Hidden: true}
		if i := slices.IndexFunc(s.Credentials, func(x state.Credential) bool { return x.Name == c.name }); i >= 0 {
			row.Hidden, row.Label = false, c.label+": "+credential(s.Credentials[i], now)
		}
		r.Rows = append(r.Rows, row)
	}
	r.Rows = append(r.Rows, separator("s-cert"),
		click("export", "Export...", problem.ActExport).grey(len(s.Credentials) == 0),
		click("check", "Check Now", problem.ActCheck))
	return r
}

// maxFigures is how many figures of the day there are rows for.
const maxFigures = 5

func todayRow(s state.State) Row {
	r := Row{ID: "today", Label: "Today", Hidden: !s.Menu.TodayOn}
	r.Rows = []Row{info("today-none", "Nothing stored for today yet").hide(len(s.Menu.Today) > 0)}
	for i := range maxFigures {
		row := Row{ID: "today-" + words.Count(int64(i+1)), Disabled: true, Hidden: true}
		if i < len(s.Menu.Today) {
			f := s.Menu.Today[i]
			row.Hidden, row.Label = false, words.Safe(f.Name+": "+f.Value, lineLength)
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

func dataRow(s state.State) Row {
	return Row{ID: "data", Label: "Open Health Data", Rows: []Row{
		click("report", "Report", problem.ActReport).hide(!s.Menu.Report).grey(s.Samples == 0),
		click("folder", "Database Folder", problem.ActFolder),
	}}
}

func lastRows(s state.State) []Row {
	return []Row{
		click("troubleshoot", "Troubleshoot...", problem.ActTroubleshoot),
		click("login", "Launch at Login", problem.ActLogin).check(s.Menu.Login).hide(!s.Menu.LoginKnown),
		click("unpair", "Unpair...", problem.ActUnpair).hide(!s.Paired),
		click("quit", "Quit HealthSync", problem.ActQuit),
	}
}

// click is a row that asks for an action.
func click(id, label, action string) Row {
	return Row{ID: id, Label: label, Action: problem.Action{Name: action}}
}

func (r Row) hide(hidden bool) Row   { r.Hidden = hidden; return r }
func (r Row) grey(disabled bool) Row { r.Disabled = disabled; return r }
func (r Row) check(on bool) Row      { r.Checkable, r.Checked = true, on; return r }

// info is a line to be read, not clicked; hidden where there is nothing to say.
func info(id, label string) Row {
	return Row{ID: id, Label: label, Disabled: true, Hidden: label == ""}
}

func separator(id string) Row { return Row{ID: id, Separator: true} }
