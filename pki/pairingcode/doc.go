// Package pairingcode turns pictures and text into a pairing payload, and a payload
// back into a picture. It reads what people have: screenshots, photographs of
// a telephone's screen, text pasted from a chat.
//
// It does not know the network (whether the host is local is checked by
// pki/trust at the moment of dialling), the telephone's clock (see
// [Payload.Expired]) or the camera. It keeps nothing and writes nothing: a
// payload holds the pairing code, which is a secret for the five minutes of
// its life, so neither errors nor [Payload.LogValue] show it.
package pairingcode
