// Package licenses writes THIRD_PARTY.md: whose work is inside the program, and
// under what terms, from the licences that lie in the modules themselves.
package licenses

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strings"
)

// Roots are the packages whose dependencies count. The last two are linked
// into the menu-bar app.
var Roots = []string{"./app/healthsync", "fyne.io/systray", "github.com/gen2brain/beeep"}

// Platforms are the systems it is built for.
var Platforms = []string{"darwin", "linux"}

// Module is somebody's work inside the program.
type Module struct {
	Path, Version string
	// Licenses are the names of the terms, as SPDX writes them.
	Licenses []string
	Texts    []Text
	dir      string
	packages map[string]bool
}

// Text is one file of terms.
type Text struct{ Name, Body string }

// UnknownError says that the terms of a module were not recognised: a person
// has to read them before they are shipped.
type UnknownError struct{ Module, File string }

func (e *UnknownError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("licenses: %s has no licence", e.Module)
	}
	return fmt.Sprintf("licenses: %s: the terms in %s are not known", e.Module, e.File)
}

// Collect finds the modules linked into the program, on every platform, with
// their terms. goCmd is the go command, dir the repository.
func Collect(goCmd, dir string) ([]Module, error) {
	found := map[string]*Module{}
	for _, platform := range Platforms {
		args := append([]string{"list", "-deps", "-f",
			"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"}, Roots...)
		cmd := exec.Command(goCmd, args...)
		// With cgo the darwin packages are complete; listing compiles nothing.
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS="+platform, "GOARCH=arm64", "CGO_ENABLED=1", "GOFLAGS=")
		out, err := cmd.Output()
		if err != nil {
			var ended *exec.ExitError
			if errors.As(err, &ended) {
				return nil, fmt.Errorf("licenses: go list: %s", bytes.TrimSpace(ended.Stderr))
			}
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			field := strings.Split(strings.TrimSpace(line), "\t")
			if len(field) != 4 {
				continue
			}
			m := found[field[0]]
			if m == nil {
				m = &Module{Path: field[0], Version: field[1], dir: field[2], packages: map[string]bool{}}
				found[field[0]] = m
			}
			m.packages[field[3]] = true
		}
	}
	root, err := exec.Command(goCmd, "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	std := &Module{Path: "The Go standard library and runtime", Version: goVersion(dir),
		dir: strings.TrimSpace(string(root)), packages: map[string]bool{}}
	list := []*Module{std}
	for _, m := range found {
		list = append(list, m)
	}
	var out []Module
	for _, m := range list {
		if err := m.read(); err != nil {
			return nil, err
		}
		out = append(out, *m)
	}
	sort.Slice(out, func(i, j int) bool { return strings.ToLower(out[i].Path) < strings.ToLower(out[j].Path) })
	return out, nil
}

// goVersion is the language version that go.mod asks for: the patch release of
// the day would make the file differ between two machines.
func goVersion(dir string) string {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod); err == nil && m != nil {
		return "go" + string(m[1])
	}
	return runtime.Version()
}

var fileName = regexp.MustCompile(`(?i)(^|[-_.])(licen[sc]e|copying|notice|patents)([-_.]|$)`)

// read collects the terms beside each linked package and above it, up to the
// module's root: parts of a module may be somebody else's.
func (m *Module) read() error {
	dirs := map[string]bool{m.dir: true}
	for p := range m.packages {
		for ; len(p) > len(m.dir); p = filepath.Dir(p) {
			dirs[p] = true
		}
	}
	sorted := make([]string, 0, len(dirs))
	for d := range dirs {
		sorted = append(sorted, d)
	}
	slices.Sort(sorted)
	for _, d := range sorted {
		entries, err := os.ReadDir(d)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Name() == "LICENSE-LOGO" { // of a picture in modernc.org's pages, which is not in the program
				continue
			}
			if e.IsDir() || !fileName.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			if err := m.add(filepath.Join(d, e.Name())); err != nil {
				return err
			}
		}
	}
	if len(m.Licenses) == 0 {
		return &UnknownError{Module: m.Path}
	}
	return nil
}

func (m *Module) add(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(m.dir, path)
	if err != nil {
		return err
	}
	body := strings.TrimSpace(strings.ReplaceAll(string(raw), "\r\n", "\n"))
	kinds := Recognise(body)
	if len(kinds) == 0 && !regexp.MustCompile(`(?i)notice|patents`).MatchString(name) {
		return &UnknownError{m.Path, name}
	}
	for _, k := range kinds {
		// A collection of others' terms, linked or not: kept whole, but it does
		// not say what the module itself is under.
		if !strings.Contains(name, "3RD-PARTY") && !slices.Contains(m.Licenses, k) {
			m.Licenses = append(m.Licenses, k)
		}
	}
	m.Texts = append(m.Texts, Text{filepath.ToSlash(name), body})
	return nil
}

// Each licence by words that no other has. What is not here is not shipped
// before somebody has read it.
var known = []struct {
	id    string
	words []string
}{
	{"Apache-2.0", []string{"Apache License", "Version 2.0"}},
	{"MPL-2.0", []string{"Mozilla Public License", "2.0"}},
	{"MIT", []string{"Permission is hereby granted, free of charge"}},
	{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "endorse or promote products"}},
	{"BSD-2-Clause", []string{"Redistribution and use in source and binary forms"}},
	{"Unlicense", []string{"This is free and unencumbered software released into the public domain"}},
	{"ISC", []string{"Permission to use, copy, modify, and/or distribute this software for any purpose"}},
	{"Public domain", []string{"author disclaims copyright to this source code"}},
	{"Public domain", []string{"dedicated to the public domain"}},
}

var space = regexp.MustCompile(`\s+`)

// Recognise names the licences in a text, as SPDX writes them.
func Recognise(text string) []string {
	text = space.ReplaceAllString(text, " ")
	var out []string
	for _, k := range known {
		if !slices.ContainsFunc(k.words, func(w string) bool {
			return !strings.Contains(strings.ToLower(text),
				strings.ToLower(w))
		}) {
			if k.id == "BSD-2-Clause" && slices.Contains(out, "BSD-3-Clause") || slices.Contains(out, k.id) {
				continue
			}
			out = append(out, k.id)
		}
	}
	return out
}

// Generate writes THIRD_PARTY.md.
func Generate(goCmd, dir string) ([]byte, error) {
	modules, err := Collect(goCmd, dir)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Third-party software\n\nHealthSync contains the work of others, with thanks. Generated by `make third-party`\nfrom the modules that are linked into the program; their terms follow the table.\n\n| what | version | licence |\n| --- | --- | --- |\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, strings.Join(m.Licenses, ", "))
	}
	for _, m := range modules {
		fmt.Fprintf(&b, "\n## %s %s\n", m.Path, m.Version)
		for _, t := range m.Texts {
			fmt.Fprintf(&b, "\n%s:\n\n%s\n", t.Name, indent(t.Body))
		}
	}
	return b.Bytes(), nil
}

// indent makes a text a code block: a fence could end inside of it.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n\f")
		if line != "" {
			b.WriteString("    " + line)
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
