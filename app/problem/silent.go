package problem

import (
	"fmt"

	"healthsync/sync/health"
)

// Silent is the condition of types that the iPhone gives nothing of any more,
// nil for none.
func Silent(types []health.Type) *Error {
	if len(types) == 0 {
		return nil
	}
	names := ""
	for i, t := range types {
		if i == 3 && len(types) > 4 {
			names += fmt.Sprintf(" and %d more types", len(types)-3)
			break
		}
		if i > 0 {
			names += ", "
		}
		if info, ok := health.Lookup(t); ok {
			names += info.Name
		} else {
			names += string(t)
		}
	}
	return New(TypeSilent, fmt.Sprintf("The iPhone returns nothing any more of %s.", names), nil)
}
