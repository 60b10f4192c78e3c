package html_test

import (
	"errors"
	"strings"
	"testing"

	parser "golang.org/x/net/html"

	"healthsync/app/report/html"
)

// hostile are texts that want to be something else.
var hostile = []string{
	`<script>alert(1)</script>`, `</style></title></bdi><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `' autofocus onfocus='alert(1)`,
	`&lt;b&gt; &amp; &#x41;`, `<!-- -->`, `<![CDATA[x]]>`, "a\x00b\x1b[31m\x7f", "\xff\xfe", "\u202egpj.exe", "\u2066x\u2069y", "\ufdd0\uffff\U0001ffff", "Ana’s 👩\u200d⚕️ Watch", "\u2028\u2029", "", "javascript:alert(1)",
}

// clean is what a browser shall show of a text.
func clean(s string) string {
	return strings.NewReplacer("\x00", "\ufffd", "\x1b", "\ufffd", "\x7f", "\ufffd", "\u202e", "", "\u2066", "", "\u2069", "", "\ufdd0", "\ufffd", "\uffff", "\ufffd", "\U0001ffff", "\ufffd").Replace(strings.Map(func(r rune) rune { return r }, s))
}

// A parser as browsers have one finds every text as a text, in an element and
// in an attribute, and no element that we did not write.
func TestEscaping(t *testing.T) {
	for _, s := range hostile {
		var b strings.Builder
		w := html.New(&b)
		w.Open("html")
		w.Open("head")
		w.Element("title", s)
		w.Close("head")
		w.Open("body")
		w.Open("p", html.Attr("title", s))
		w.Name(s)
		w.Close("p")
		w.Close("body")
		w.Close("html")
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		doc, err := parser.Parse(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		var elements, texts []string
		for n := range doc.Descendants() {
			switch n.Type {
			case parser.ElementNode:
				elements = append(elements, n.Data)
				for _, a := range n.Attr {
					texts = append(texts, a.Key+"="+a.Val)
				}
			case parser.TextNode:
				if strings.TrimSpace(n.Data) != "" || s != "" && n.Data == clean(s) {
					texts = append(texts, n.Data)
				}
			case parser.CommentNode:
				t.Errorf("%q became a comment", s)
			}
		}
		if got := strings.Join(elements, " "); got != "html head title body p bdi" {
			t.Errorf("%q made the elements %s", s, got)
		}
		want := []string{clean(s), "title=" + clean(s), clean(s)}
		if s == "" {
			want = want[1:2]
		}
		if strings.Join(texts, "|") != strings.Join(want, "|") {
			t.Errorf("%q is read as %q, want %q", s, texts, want)
		}
	}
}

// A link leads nowhere but to another place of the document.
func TestLinks(t *testing.T) {
	for value, want := range map[string]string{"#sleep": "#sleep", "javascript:alert(1)": "#", "https://example.com/": "#", " #x": "#", "//host": "#", "data:text/html,x": "#", "": "#"} {
		var b strings.Builder
		w := html.New(&b)
		w.Element("a", "x", html.Attr("href", value))
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		if got := `<a href="` + want + `">x</a>`; !strings.Contains(b.String(), got) {
			t.Errorf("%q is written as %s", value, b.String())
		}
	}
}

func TestNumbers(t *testing.T) {
	var b strings.Builder
	w := html.New(&b)
	w.Void("br", html.Num("a", 1), html.Num("b", 0.333333), html.Num("c", -12.50), html.Num("d", 100), html.Num("e", 0))
	if err := w.End(); err != nil || !strings.Contains(b.String(), `<br a="1" b="0.33" c="-12.5" d="100" e="0">`) {
		t.Errorf("%s %v", b.String(), err)
	}
}

// Mistakes of ours are errors, not a broken page.
func TestMistakes(t *testing.T) {
	for name, do := range map[string]func(*html.Writer){
		"left open":    func(w *html.Writer) { w.Open("p") },
		"wrong end":    func(w *html.Writer) { w.Open("p"); w.Close("div") },
		"end of none":  func(w *html.Writer) { w.Close("p") },
		"a script":     func(w *html.Writer) { w.Element("script", "alert(1)") },
		"end of style": func(w *html.Writer) { w.Style("</style>") },
	} {
		var b strings.Builder
		w := html.New(&b)
		do(w)
		if err := w.End(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	full := errors.New("full")
	w := html.New(failing{full})
	w.Element("p", strings.Repeat("x", 100_000))
	if err := w.End(); !errors.Is(err, full) {
		t.Errorf("the writer's error is %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
