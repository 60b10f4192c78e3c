package qr

import "strings"

// kindOf names what a foreign text is, so that a person recognises the code
// that was found in the place of ours. It never repeats the text.
func kindOf(text string) string {
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 64)]))
	for _, k := range foreignKinds {
		if strings.HasPrefix(head, k.prefix) {
			return k.name
		}
	}
	if strings.HasPrefix(head, "{") || strings.HasPrefix(head, "[") {
		return "JSON"
	}
	return "text"
}

// foreignKinds are the prefixes in use for QR codes; the list of zxing's wiki
// ("Barcode Contents") and the schemes met on a telephone.
var foreignKinds = []struct{ prefix, name string }{
	{"http://", "web address"},
	{"https://", "web address"},
	{"www.", "web address"},
	{"wifi:", "Wi-Fi network"},
	{"begin:vcard", "contact"},
	{"mecard:", "contact"},
	{"begin:vevent", "calendar entry"},
	{"begin:vcalendar", "calendar entry"},
	{"mailto:", "e-mail address"},
	{"matmsg:", "e-mail message"},
	{"tel:", "telephone number"},
	{"sms:", "text message"},
	{"smsto:", "text message"},
	{"geo:", "place"},
	{"otpauth:", "one-time password"},
	{"x-hm:", "HomeKit code"},
	{"mt:", "Matter code"},
	{"bitcoin:", "payment"},
	{"bcd\n", "payment"},
	{"spc\n", "payment"},
	{"spc\r", "payment"},
	{"-----begin", "key or certificate"},
}
