// Package phone is the client of the iPhone app's protocol, versions 1 and 2:
// it pairs, asks for the status and the types, reads samples page by page, and
// in version 2 renews and revokes its certificate.
//
// Each call is one connection with one request: the version 1 app closes after
// an answer without saying so, and a connection that is used again would be
// one that may be closed already. Nothing is sent before the [trust.Dialer] has
// verified the phone's identity inside the handshake. No redirect is followed,
// no proxy is asked, nothing is compressed, and an answer whose end cannot be
// told from a cut is refused.
//
// The package knows neither certificates nor what to do about an error: the
// first is the business of pki/trust, the second of app/problem. It does not
// know which ranges of time are worth asking for either; that is sync/engine.
package phone
