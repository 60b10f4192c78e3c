package report

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// node is an element or a text of the page; golang.org/x/net/html writes it and
// escapes every text. (html/template would do, but it calls methods by name:
// with it the macOS linker would keep all of darwinkit.)
type node = *html.Node

type attr = html.Attribute

// el makes an element of attributes, texts and elements. Names of elements and
// attributes are constants of this package, never data.
func el(tag string, content ...any) node {
	n := &html.Node{Type: html.ElementNode, Data: tag}
	for _, c := range content {
		switch c := c.(type) {
		case attr:
			n.Attr = append(n.Attr, attr{Key: c.Key, Val: clean(c.Val)})
		case string:
			n.AppendChild(&html.Node{Type: html.TextNode, Data: clean(c)})
		case node:
			add(n, c)
		case []node:
			add(n, c...)
		}
	}
	return n
}

// add appends children and skips nil.
func add(n node, children ...node) {
	for _, c := range children {
		if c == nil {
			continue
		}
		n.AppendChild(c)
		if blocks[c.Data] {
			n.AppendChild(&html.Node{Type: html.TextNode, Data: "\n"})
		}
	}
}

// blocks are elements after which a line break does no harm.
var blocks = map[string]bool{
	"head": true, "title": true, "style": true, "header": true, "main": true, "footer": true, "section": true,
	"article": true, "div": true,
	"p": true, "h1": true, "h2": true, "h3": true, "table": true, "thead": true, "tr": true, "ul": true, "li": true,
	"details": true, "figure": true,
}

func at(key, value string) attr { return attr{Key: key, Val: value} }

func class(names string) attr { return at("class", names) }

// num is an attribute of a number with at most two decimals: more than a
// screen shows.
func num(key string, v float64) attr {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return at(key, strings.TrimSuffix(strings.TrimRight(s, "0"), "."))
}

// name is a text that a stranger chose, so that it cannot change the direction
// of what follows.
func name(s string) node { return el("bdi", s) }

// clean replaces what no document may hold (broken UTF-8, control characters)
// and drops characters that turn the direction of reading (Trojan Source,
// CVE-2021-42574).
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\u200d': // the last one joins emoji
			return r
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.Is(unicode.Cc, r), r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
			return utf8.RuneError
		}
		return r
	}, s)
}
