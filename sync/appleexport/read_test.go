package appleexport

import (
	"context"
	"os"
	"testing"
)

func TestQuick(t *testing.T) {
	for _, n := range []string{"hkimport-export.xml", "analyst/minimal-export.zip", "analyst/multi-source-export.zip", "analyst/partial-sleep-export.zip"} {
		f, err := Open("../../../shared/testdata/" + n)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := Read(context.Background(), f, func(*Record) error { return nil })
		t.Logf("%s %+v %v", f.Name, sum, err)
	}
	_ = os.Args
}
