package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"healthsync/app/clipboard"
	"healthsync/app/problem"
	"healthsync/menubar/camera"
	"healthsync/pki/pairingcode"
)

type scanOptions struct {
	files          []string
	camera         bool
	clipboard      bool
	debugClipboard bool
	name           string
}

func newScanCommand(env *Env) *cobra.Command {
	o := scanOptions{}
	cmd := &cobra.Command{
		Use:   "scan [flags] [FILE...|-]",
		Short: "Find the iPhone's QR code and pair",
		Long: `Finds the pairing code that iOS Health Sync shows and pairs with the iPhone.

Without a flag it looks into the clipboard (text, then files, then a picture: tap
Copy in the iPhone app, or copy a screenshot), then uses the camera where there
is one. It reads PNG, JPEG, GIF, WebP, TIFF and BMP, and HEIC where the system
can (macOS; elsewhere libheif's heif-convert): screenshots and photographs, with
the code anywhere in them. A dash reads the picture or the text from standard
input.

If this computer is paired already, the new pairing takes the place of the old
one as soon as it is complete; health data stays.`,
		Example: `  healthsync scan
  healthsync scan --file ~/Desktop/qr-code.png
  pbpaste | healthsync scan -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.files = append(o.files, args...)
			return runScan(cmd.Context(), env, &o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.files, "file", nil, "read the code from a picture")
	f.StringArrayVar(&o.files, "image", nil, "another name for --file")
	f.BoolVar(&o.camera, "camera", false, "scan with the camera (macOS)")
	f.BoolVar(&o.clipboard, "clipboard", false, "look into the clipboard only")
	f.BoolVar(&o.debugClipboard, "debug-pasteboard", false, "say what the clipboard holds, never its contents")
	f.StringVar(&o.name, "name", "", "how this computer introduces itself (default: its host name)")
	_ = f.MarkHidden("image")
	return cmd
}

func runScan(ctx context.Context, env *Env, o *scanOptions) error {
	if o.camera && camera.IsChild(env.Getenv) {
		return serveCamera(ctx, env)
	}
	p, err := findPayload(ctx, env, o)
	if err != nil {
		return err
	}
	return pairWith(ctx, env, requestOf(p), o.name)
}

// findPayload looks where it was told to, or everywhere.
func findPayload(ctx context.Context, env *Env, o *scanOptions) (pairingcode.Payload, error) {
	switch {
	case o.camera && (len(o.files) > 0 || o.clipboard), o.clipboard && len(o.files) > 0:
		return pairingcode.Payload{}, usageError("--camera, --clipboard and a file exclude each other.",
			"healthsync scan --help")
	case len(o.files) > 0:
		return payloadFromFiles(ctx, env, o.files)
	case o.camera:
		return payloadFromCamera(ctx)
	}
	p, err := payloadFromClipboard(ctx, env, o.debugClipboard)
	if o.clipboard || err == nil {
		return p, err
	}
	var e *problem.Error
	if !errors.As(err, &e) || e.Code != problem.ClipboardEmpty || !haveCamera() {
		return p, err
	}
	env.note("no pairing code in the clipboard; opening the camera ...")
	return payloadFromCamera(ctx)
}

// payloadFromFiles takes the first picture that holds a code of ours. A shell
// may have turned one pattern into many names.
func payloadFromFiles(ctx context.Context, env *Env, names []string) (pairingcode.Payload, error) {
	var first error
	for _, name := range names {
		paths := []string{name}
		if name != "-" && strings.ContainsAny(name, "*?[") {
			if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
				paths = found
			}
		}
		for _, path := range paths {
			p, err := payloadFromFile(ctx, env, path)
			if err == nil {
				return p, nil
			}
			if first == nil {
				first = err
			}
		}
	}
	return pairingcode.Payload{}, first
}

func payloadFromFile(ctx context.Context, env *Env, path string) (pairingcode.Payload, error) {
	if path == "-" {
		in := bufio.NewReader(env.Stdin)
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return pairingcode.Payload{}, nothingCame(err)
		}
		return payloadFrom(ctx, env, in, true)
	}
	f, err := os.Open(path)
	if err != nil {
		return pairingcode.Payload{}, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return pairingcode.Payload{}, usageError(path+" is a folder.", "healthsync scan --file PICTURE.png")
	}
	return payloadFrom(ctx, env, f, !strings.HasPrefix(mime.TypeByExtension(filepath.Ext(path)), "image/"))
}

// nothingCame says that standard input is empty, as where the program before
// the pipe found nothing.
func nothingCame(err error) error {
	e := problem.New(problem.PictureUnreadable, "Standard input is empty.", err)
	e.Sentence = "There is no picture and no code"
	e.Remedy = problem.Remedy{Text: "give it a picture or the text of the code",
		Command: "healthsync scan - < PICTURE.png", Action: "pair"}
	return e
}

// patience is how long a picture is looked at.
const patience = 20 * time.Second

// payloadFrom reads text or a picture. The first bytes say whether the input is
// text or a picture. orText says that text that is not a code was meant as one,
// not as a picture.
func payloadFrom(ctx context.Context, env *Env, r io.Reader, orText bool) (pairingcode.Payload, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return pairingcode.Payload{}, err
	}
	head = head[:n]
	r = io.MultiReader(bytes.NewReader(head), r)
	if pairingcode.LooksLikePayload(head) {
		text, err := io.ReadAll(io.LimitReader(r, 64<<10))
		if err != nil {
			return pairingcode.Payload{}, err
		}
		return pairingcode.ParsePayload(text)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := pairingcode.FindPayload(ctx, r, env.Now(), convertPicture)
	var format *pairingcode.FormatError
	if orText && errors.As(err, &format) && format.Format == "" && isText(head) {
		return pairingcode.ParsePayload(head) // which says what it is instead
	}
	return p, err
}

// isText reports that a beginning reads as text.
func isText(head []byte) bool {
	return !bytes.ContainsFunc(head, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' ||
			r == 0x7f
	}) &&
		utf8.Valid(head[:max(len(head)-utf8.UTFMax, 0)])
}

// clipboardWait is how long the clipboard may take: macOS fetches from the
// iPhone what was copied there (Universal Clipboard).
var clipboardWait = 15 * time.Second

// payloadFromClipboard tries text first: it crosses from the iPhone more
// surely than a picture does.
func payloadFromClipboard(whole context.Context, env *Env, debug bool) (pairingcode.Payload, error) {
	ctx, cancel := context.WithTimeout(whole, clipboardWait)
	defer cancel()
	text, terr := clipboard.Text(ctx)
	if debug {
		env.note("clipboard: text of %d characters, looks like a pairing code: %v", len(text),
			pairingcode.LooksLikePayload([]byte(text[:min(len(text), pairingcode.MaxPayload)])))
	}
	var noTool *clipboard.NoToolError
	if errors.As(terr, &noTool) && noTool.NoDesktop {
		e := problem.New(problem.ClipboardEmpty, "Neither Wayland nor X11 runs here, so there is no clipboard.", terr)
		e.Remedy = problem.Remedy{Text: "use a picture", Command: "healthsync scan --file PICTURE.png", Action: "pair"}
		return pairingcode.Payload{}, e
	}
	if errors.As(terr, &noTool) {
		e := problem.New(problem.ClipboardEmpty, "Nothing on this computer can read the clipboard.", terr)
		e.Remedy = problem.Remedy{Text: fmt.Sprintf("install %s, or use a picture", strings.Join(noTool.Tools, " or ")),
			Command: "healthsync scan --file PICTURE.png"}
		return pairingcode.Payload{}, e
	}
	if terr == nil && pairingcode.LooksLikePayload([]byte(text[:min(len(text), pairingcode.MaxPayload)])) {
		return pairingcode.ParsePayload(text)
	}
	// Files before pictures: with a file, the Finder copies its icon too.
	if files, err := clipboard.Files(ctx); err == nil {
		if debug {
			env.note("clipboard: %d file(s)", len(files))
		}
		return payloadFromFiles(whole, env, files)
	}
	img, ierr := clipboard.Image(ctx)
	if debug {
		env.note("clipboard: picture of %d bytes", len(img))
	}
	switch {
	case ierr != nil && ctx.Err() != nil && whole.Err() == nil:
		e := problem.New(problem.ClipboardEmpty,
			"What another device has copied is fetched from there; it may be out of reach.", errors.Join(terr, ierr))
		e.Sentence = "The clipboard does not answer"
		return pairingcode.Payload{}, e
	case ierr != nil:
		return pairingcode.Payload{}, problem.New(problem.ClipboardEmpty, "", errors.Join(terr, ierr))
	}
	return payloadFrom(whole, env, bytes.NewReader(img), false)
}
