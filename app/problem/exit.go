package problem

// Exit is a process exit status. Each has one meaning in every command and is
// documented in the README; 2 is left free because a Go panic ends with it.
type Exit int

// The exit statuses.
const (
	ExitOK          Exit = 0
	ExitFailure     Exit = 1  // anything without a status of its own
	ExitUsage       Exit = 3  // a wrong command, flag or value
	ExitNotPaired   Exit = 10 // no iPhone is paired with this Mac
	ExitUnreachable Exit = 11 // the iPhone does not answer
	ExitCertificate Exit = 12 // a certificate, token or identity was refused, by us or by the phone
	ExitKeychain    Exit = 13 // the keychain does not give or take a secret
	ExitPhoneBusy   Exit = 14 // the iPhone answers, but not now (locked, rate-limited, type not shared), or another HealthSync is syncing
	ExitPairing     Exit = 15 // no pairing: the code, the picture or the payload is no good
	ExitStorage     Exit = 16 // the database or the disk
	ExitCamera      Exit = 17 // there is no camera, it may not be used, or it found no code
	ExitHealed      Exit = 25 // a verification found differences and put them right
	ExitInterrupted Exit = 130
)

// ExitMeaning is a row of the documented table of exit statuses.
type ExitMeaning struct {
	Exit    Exit   `json:"exit"`
	Meaning string `json:"meaning"`
}

// Exits lists every exit status with its meaning, for help and README.
func Exits() []ExitMeaning {
	return []ExitMeaning{
		{ExitOK, "done, or the question was answered"},
		{ExitFailure, "something went wrong that has no status of its own"},
		{ExitUsage, "a wrong command, flag or value"},
		{ExitNotPaired, "no iPhone is paired with this computer"},
		{ExitUnreachable, "the iPhone does not answer"},
		{ExitCertificate, "a certificate, token or identity was refused"},
		{ExitKeychain, "the keychain does not give or take a secret"},
		{ExitPhoneBusy, "not now: the iPhone is locked, answers no more requests or does not share the type, or another HealthSync is syncing"},
		{ExitPairing, "the pairing code, picture or payload is no good"},
		{ExitStorage, "the database, the disk or a file"},
		{ExitCamera, "the camera cannot be used, or no code came before it"},
		{ExitHealed, "the database differed from the iPhone and was put right"},
		{ExitInterrupted, "interrupted"},
	}
}
