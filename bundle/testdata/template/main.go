// Command template does what must not be in ours.
package main

import (
	"os"
	"text/template"
)

func main() { _ = template.Must(template.New("").Parse("hello\n")).Execute(os.Stdout, nil) }
