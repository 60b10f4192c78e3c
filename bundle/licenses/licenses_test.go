package licenses

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRecognise(t *testing.T) {
	for text, want := range map[string][]string{
		"Permission is hereby granted,\n  free of charge, to any person":                      {"MIT"},
		"Redistribution and use in source and\nbinary forms ... endorse or promote\nproducts": {"BSD-3-Clause"},
		"Redistribution and use in source and binary forms, with or without":                  {"BSD-2-Clause"},
		"Apache License\n Version 2.0, January 2004":                                          {"Apache-2.0"},
		"All rights reserved. You may look at this on Tuesdays.":                              nil,
		"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007":                                 nil,
	} {
		if got := Recognise(text); !slices.Equal(got, want) {
			t.Errorf("%.40q: %v, want %v", text, got, want)
		}
	}
}

func module(t *testing.T, files map[string]string) *Module {
	t.Helper()
	m := &Module{Path: "example.com/m", dir: t.TempDir(), packages: map[string]bool{}}
	m.packages[filepath.Join(m.dir, "a", "b")] = true
	for name, text := range files {
		path := filepath.Join(m.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

const mit, bsd = "Permission is hereby granted, free of charge", "Redistribution and use in source and binary forms"

// A part of a module may be somebody else's, as objc/ffi of darwinkit is; one
// that is not linked does not count.
func TestParts(t *testing.T) {
	m := module(t, map[string]string{
		"LICENSE": mit, "a/LICENSE.txt": bsd, "a/b/b.go": "package b", "c/COPYING": "nobody knows",
		"a/NOTICE": "thanks", "license.go": "package m",
	})
	if err := m.read(); err != nil || !slices.Equal(m.Licenses, []string{"MIT", "BSD-2-Clause"}) || len(m.Texts) != 3 {
		t.Errorf("%v, %v, %v", err, m.Licenses, m.Texts)
	}
}

func TestUnknownTermsAreNotShipped(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"none":    {"README": mit, "a/b/b.go": "package b"},
		"strange": {"LICENSE": "on Tuesdays", "a/b/b.go": "package b"},
		"a part":  {"LICENSE": mit, "a/b/COPYING": "on Tuesdays"},
	} {
		var u *UnknownError
		if err := module(t, files).read(); !errors.As(err, &u) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The file that ships must name what is linked now.
func TestThirdPartyIsCurrent(t *testing.T) {
	want, err := Generate("go", "../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../THIRD_PARTY.md")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("THIRD_PARTY.md is not current: make third-party (%v)", err)
	}
	for _, name := range []string{
		"github.com/progrium/darwinkit", "fyne.io/systray", "modernc.org/sqlite", "The Go standard library",
	} {
		if !strings.Contains(string(want), "\n| "+name) {
			t.Errorf("%s is not in the table", name)
		}
	}
}
