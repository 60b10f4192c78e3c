package health

import (
	"slices"
	"strings"
)

// Named gives those of several names' types that were asked for by themselves,
// not by a group or "all", each type once.
func Named(names []string) ([]Type, error) {
	var single []string
	for _, name := range names {
		if f := fold(name); f != "all" && len(Group(f).Types()) == 0 {
			single = append(single, name)
		}
	}
	return ResolveAll(single)
}

// ResolveAll resolves several names, each type once. None, or "all" among
// them, is nil: all types that there are.
func ResolveAll(names []string) ([]Type, error) {
	var types []Type
	for _, name := range names {
		name = strings.TrimSpace(name)
		if strings.EqualFold(name, "all") {
			return nil, nil
		}
		found, err := Resolve(name)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			if !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	return types, nil
}
