package format

import "github.com/go-json-experiment/json/jsontext"

// appendString appends a JSON string. A name from another device may hold
// broken UTF-8; it is mended with replacement characters rather than refused.
func appendString(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil && out == nil {
		return append(b, `""`...)
	}
	return out
}
