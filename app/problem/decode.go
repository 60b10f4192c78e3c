package problem

import "fmt"

// UnmarshalText reads the word that MarshalText writes: one process of ours
// tells another how things stand.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range []Severity{Info, Warning, Severe} {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("problem: %q is no severity", text)
}

// Error gives the condition back as an error, without the fact underneath.
func (j JSON) Error() *Error {
	return &Error{Code: j.Code, Sentence: j.Sentence, Detail: j.Detail, Remedy: j.Remedy}
}
