package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"healthsync/app/problem"
)

// Schema is the version of every JSON answer. It grows when a field changes
// its meaning or goes away; fields may be added without it.
const Schema = 1

// printJSON writes one answer, indented, with the schema number first.
func (e *Env) printJSON(answer any) error {
	raw, err := withSchema(answer)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		return err
	}
	return e.print(pretty.String() + "\n")
}

// fields are the members of a JSON answer.
type fields map[string]any

// with adds a member that is there only where it says something.
func (f fields) with(name string, value any, says bool) fields {
	if says {
		f[name] = value
	}
	return f
}

// answer writes one answer: as JSON, or as a text.
func (e *Env) answer(answer fields, format string, args ...any) error {
	if e.JSON {
		return e.printJSON(answer)
	}
	return e.print(fmt.Sprintf(format, args...))
}

// printEvent writes one of several answers, as a line.
func (e *Env) printEvent(event any) error {
	raw, err := withSchema(event)
	if err != nil {
		return err
	}
	return e.print(string(raw) + "\n")
}

// withSchema writes an object with the schema number first.
func withSchema(object any) ([]byte, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	fields, ok := bytes.CutPrefix(raw, []byte("{"))
	if !ok {
		return nil, errors.New("cli: a JSON answer is an object")
	}
	head := fmt.Sprintf(`{"schema":%d`, Schema)
	if string(fields) != "}" {
		head += ","
	}
	return append([]byte(head), fields...), nil
}

// printError writes an error as the user guide shows it, or as JSON.
func (e *Env) printError(err *problem.Error) {
	if e.JSON || slices.Contains(e.Args, "--json") { // flags were not read where the error is theirs
		raw, _ := withSchema(fields{"error": err.JSON(), "exit": err.Exit()}) // of what can be written
		fmt.Fprintf(e.Stderr, "%s\n", raw)
		return
	}
	for _, line := range err.Lines() {
		fmt.Fprintln(e.Stderr, line)
	}
	if e.debug && err.Err != nil {
		fmt.Fprintf(e.Stderr, "Cause: %v\n", err.Err)
	}
}

// answer is standard output. It remembers what it could not write: a command
// whose answer went nowhere has not done what it was asked.
type answer struct {
	w   io.Writer
	err error
}

// outputError says that standard output cannot be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return "standard output: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

func (a *answer) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	if err != nil {
		err = &outputError{err}
		if a.err == nil {
			a.err = err
		}
	}
	return n, err
}

// readLine reads one line from a person, or gives up when ctx ends.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	ch := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
		ch <- result{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-ch:
		if got.err != nil && got.line == "" {
			return "", got.err
		}
		return got.line, nil
	}
}

func isYes(answer string) bool {
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes"
}
