package problem

// The codes. Each stands in the table below exactly once (tested).
const (
	// Pairing
	NotPaired          Code = "NOT_PAIRED"
	PairingCodeExpired Code = "PAIRING_CODE_EXPIRED"
	PairingCodeInvalid Code = "PAIRING_CODE_INVALID"
	PairingLockedOut   Code = "PAIRING_LOCKED_OUT"
	PairingNoSession   Code = "PAIRING_NO_SESSION"
	PairingRefused     Code = "PAIRING_REFUSED"
	PairingBusy        Code = "PAIRING_IN_PROGRESS"
	QRNotFound         Code = "QR_NOT_FOUND"
	QRNotHealthSync    Code = "QR_NOT_HEALTHSYNC"
	QRInvalid          Code = "QR_INVALID"
	PictureUnreadable  Code = "PICTURE_UNREADABLE"
	ClipboardEmpty     Code = "CLIPBOARD_EMPTY"
	CameraDenied       Code = "CAMERA_DENIED"
	CameraUnavailable  Code = "CAMERA_UNAVAILABLE"
	CameraRestricted   Code = "CAMERA_RESTRICTED"
	CameraInUse        Code = "CAMERA_IN_USE"
	CameraClosed       Code = "CAMERA_CLOSED"
	CameraTimedOut     Code = "CAMERA_TIMED_OUT"
	CameraOrphaned     Code = "CAMERA_ORPHANED"
	CameraFailed       Code = "CAMERA_FAILED"
	HostNotLocal       Code = "HOST_NOT_LOCAL"

	// Certificates and tokens
	CertHasExpired          Code = "CERT_HAS_EXPIRED"
	CertNotYetValid         Code = "CERT_NOT_YET_VALID"
	CertSignatureInvalid    Code = "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
	NoClientCertificate     Code = "NO_CLIENT_CERTIFICATE"
	CertRevoked             Code = "CERT_REVOKED"
	CertNameInvalid         Code = "CERT_COMMON_NAME_INVALID"
	SelfSigned              Code = "SELF_SIGNED_CERT_IN_CHAIN"
	CertFingerprintMismatch Code = "CERT_FINGERPRINT_MISMATCH"
	CAMismatch              Code = "CA_MISMATCH"
	CertRejected            Code = "CERT_REJECTED"
	CertWrongUsage          Code = "INVALID_PURPOSE"
	CertExpiring            Code = "CERT_EXPIRING"
	TokenExpired            Code = "TOKEN_EXPIRED"
	TokenExpiring           Code = "TOKEN_EXPIRING"
	TokenRejected           Code = "TOKEN_REJECTED"
	ClockSkew               Code = "CLOCK_SKEW"
	RenewUnavailable        Code = "RENEW_UNAVAILABLE"

	// Network
	TimedOut            Code = "ETIMEDOUT"
	UnsupportedProtocol Code = "UNSUPPORTED_PROTOCOL"
	PhoneNotFound       Code = "PHONE_NOT_FOUND"
	ConnRefused         Code = "ECONNREFUSED"
	HostUnreachable     Code = "EHOSTUNREACH"
	ConnReset           Code = "ECONNRESET"
	NotTLS              Code = "EPROTO"
	HostChanged         Code = "HOST_CHANGED"
	HostUnverified      Code = "HOST_UNVERIFIED"

	// The phone's answers
	PhoneLocked     Code = "PHONE_LOCKED"
	RateLimited     Code = "RATE_LIMITED"
	TypeNotEnabled  Code = "TYPE_NOT_ENABLED"
	TypeSilent      Code = "TYPE_SILENT"
	ResponseCut     Code = "RESPONSE_CUT_SHORT"
	ResponseInvalid Code = "RESPONSE_INVALID"
	PhoneError      Code = "PHONE_ERROR"

	// Keychain
	KeychainLocked      Code = "KEYCHAIN_LOCKED"
	KeychainDenied      Code = "KEYCHAIN_DENIED"
	KeychainMissing     Code = "KEYCHAIN_MISSING"
	KeychainUnavailable Code = "KEYCHAIN_UNAVAILABLE"
	KeychainCorrupt     Code = "KEYCHAIN_CORRUPT"

	// Disk
	DiskFull      Code = "DISK_FULL"
	StoreCorrupt  Code = "STORE_CORRUPT"
	StoreReadOnly Code = "STORE_READ_ONLY"
	StoreNewer    Code = "STORE_NEWER"
	StoreBusy     Code = "STORE_BUSY"
	StoreOlder    Code = "STORE_OLDER"
	StoreHealed   Code = "STORE_HEALED"
	StoreOther    Code = "STORE_OTHER_PHONE"
	NoData        Code = "NO_DATA"
	FileExists    Code = "FILE_EXISTS"
	FileError     Code = "FILE_ERROR"
	NoHome        Code = "NO_HOME"
	ConfigInvalid Code = "CONFIG_INVALID"
	PairingFile   Code = "PAIRING_RECORD_INVALID"

	// Commands
	Usage          Code = "USAGE"
	UnknownType    Code = "UNKNOWN_TYPE"
	InvalidDate    Code = "INVALID_DATE"
	NeedsYes       Code = "CONFIRMATION_NEEDED"
	Declined       Code = "DECLINED"
	SyncBusy       Code = "SYNC_IN_PROGRESS"
	NotOnThisBuild Code = "NOT_IN_THIS_BUILD"
	Interrupted    Code = "INTERRUPTED"
	Internal       Code = "INTERNAL"
)

// Remedies that many conditions share.
var (
	pairAgain = Remedy{Text: "pair again", Command: "healthsync unpair && healthsync scan", Action: "pair"}
	newCode   = Remedy{Text: "show a new QR code on the iPhone (Start Sharing, then Show QR Code) and scan it",
		Command: "healthsync scan", Action: "pair"}
	// withoutCamera is the way round it.
	withoutCamera = Remedy{Text: "use a screenshot or a photo of the code",
		Command: "healthsync scan --file PICTURE.png", Action: "pair"}
	openApp = Remedy{Text: "open the iOS Health Sync app on the iPhone and tap Start Sharing; both devices need the same Wi-Fi", Command: "healthsync status", Action: "retry"}
)

var certificateFaults = []Code{PhoneNotFound, ConnReset, ResponseCut, CertExpiring, TokenExpiring}

var table = []Condition{
	{NotPaired, Severe, "Not paired", "This computer is not paired with an iPhone",
		Remedy{Text: "on the iPhone tap Start Sharing and Show QR Code, and scan the code", Command: "healthsync scan",
			Action: "pair"}, ExitNotPaired,
		[]Code{PhoneNotFound, NoClientCertificate, KeychainMissing, TokenExpired, TokenRejected}},
	{PairingCodeExpired, Severe, "Pairing code expired", "The pairing code has expired", newCode, ExitPairing, nil},
	{PairingCodeInvalid, Severe, "Pairing code refused", "The iPhone does not accept this pairing code", newCode,
		ExitPairing, nil},
	{PairingLockedOut, Severe, "Too many wrong codes", "The iPhone refuses to pair after too many wrong codes",
		Remedy{Text: "close and reopen the iOS Health Sync app, show a new QR code and scan it",
			Command: "healthsync scan", Action: "pair"}, ExitPairing, nil},
	{PairingNoSession, Severe, "iPhone shows no QR code", "The iPhone is not waiting to be paired", newCode,
		ExitPairing, nil},
	{PairingRefused, Severe, "Pairing refused", "What the iPhone sent to pair with cannot be trusted", newCode,
		ExitPairing, nil},
	{PairingBusy, Severe, "Pairing under way", "Another HealthSync is changing the pairing right now",
		Remedy{Text: "let it finish, or end it, and try again", Command: "healthsync status"}, ExitPairing, nil},
	{QRNotFound, Severe, "No QR code found", "No QR code was found in the picture",
		Remedy{Text: "take the picture again with the whole code in it, sharp and without glare, or copy the code in the iPhone app", Command: "healthsync scan --clipboard", Action: "pair"}, ExitPairing, nil},
	{QRNotHealthSync, Severe, "Not a HealthSync code", "This is not a HealthSync pairing code",
		Remedy{Text: "use the code that iOS Health Sync shows under Show QR Code", Command: "healthsync scan",
			Action: "pair"}, ExitPairing, nil},
	{QRInvalid, Severe, "Damaged pairing code",
		"The pairing code is damaged or of a version this program does not know", newCode, ExitPairing, nil},
	{PictureUnreadable, Severe, "Picture unreadable", "The picture cannot be read",
		Remedy{Text: "save it as PNG or JPEG", Command: "healthsync scan --file PICTURE.png", Action: "pair"},
		ExitPairing, nil},
	{ClipboardEmpty, Severe, "No code in the clipboard", "There is no pairing code in the clipboard",
		Remedy{Text: "tap Copy in the iPhone app, or take a screenshot of the code",
			Command: "healthsync scan --file PICTURE.png", Action: "pair"}, ExitPairing, nil},
	{CameraDenied, Severe, "Camera not allowed", "HealthSync may not use the camera",
		Remedy{Text: "allow it in System Settings > Privacy & Security > Camera, or use a screenshot",
			Command: "healthsync scan --file PICTURE.png", Action: "camera-settings"}, ExitCamera, nil},
	{CameraUnavailable, Severe, "No camera", "There is no camera to scan with", withoutCamera, ExitCamera, nil},
	{CameraRestricted, Severe, "Camera switched off", "This Mac does not let apps use the camera",
		Remedy{Text: "a profile or Screen Time says so; use a screenshot or a photo of the code",
			Command: "healthsync scan --file PICTURE.png", Action: "pair"}, ExitCamera, nil},
	{CameraInUse, Severe, "Camera in use", "Another program uses the camera",
		Remedy{Text: "end the call or the recording and scan again", Command: "healthsync scan --camera",
			Action: "pair"}, ExitCamera, nil},
	{CameraClosed, Info, "Scan cancelled", "The camera window was closed before a code was found",
		Remedy{Text: "open it again", Command: "healthsync scan --camera", Action: "pair"}, ExitCamera, nil},
	{CameraTimedOut, Severe, "No code seen", "No pairing code came before the camera in two minutes",
		Remedy{Text: "make the iPhone's screen bright and fill the frame with the code, or copy it in the iPhone app",
			Command: "healthsync scan --clipboard", Action: "pair"}, ExitCamera, nil},
	{CameraOrphaned, Info, "Scan abandoned", "The program that wanted the code is gone", Remedy{}, ExitCamera, nil},
	{CameraFailed, Severe, "Camera window broke", "The camera window broke", withoutCamera, ExitCamera, nil},
	{HostNotLocal, Severe, "Not a local address", "The address is not on the local network",
		Remedy{Text: "health data is sent inside the local network only; use the address that the iPhone app shows",
			Command: "healthsync scan", Action: "pair"}, ExitPairing, nil},

	{CertHasExpired, Severe, "Certificate expired", "Certificate has expired", pairAgain, ExitCertificate,
		certificateFaults},
	{CertNotYetValid, Severe, "Certificate not yet valid", "Certificate is not yet valid",
		Remedy{Text: "set both clocks by the network (iPhone: Settings > General > Date & Time > Set Automatically)",
			Command: "sudo sntp -sS time.apple.com", Action: "clock-settings"}, ExitCertificate, certificateFaults},
	{CertSignatureInvalid, Severe, "Certificate signature invalid", "Certificate signature verification failed",
		pairAgain, ExitCertificate, certificateFaults},
	{NoClientCertificate, Severe, "No client certificate", "SSL peer did not present a certificate",
		Remedy{Text: "pair again", Command: "healthsync scan", Action: "pair"}, ExitCertificate, certificateFaults},
	{CertRevoked, Severe, "Certificate revoked", "Certificate has been revoked", pairAgain, ExitCertificate,
		certificateFaults},
	{CertNameInvalid, Severe, "Address not in the certificate", "Hostname/IP does not match certificate",
		Remedy{Text: "use the address that the iPhone app shows, or pair again",
			Command: "healthsync config set server.host ADDRESS", Action: "follow"}, ExitCertificate,
		certificateFaults},
	{SelfSigned, Severe, "Certificate not trusted", "Certificate is not trusted", pairAgain, ExitCertificate,
		certificateFaults},
	{CertFingerprintMismatch, Severe, "Not the paired iPhone", "The certificate is not the one that was paired",
		Remedy{Text: "if you reinstalled the iPhone app, pair again; if not, somebody else answers at this address",
			Command: "healthsync unpair && healthsync scan", Action: "pair"}, ExitCertificate, certificateFaults},
	{CAMismatch, Severe, "Different CA", "iPhone and Mac have different CA certificates",
		Remedy{Text: "they come from different pairings; reset and pair again",
			Command: "healthsync keychain clear && healthsync scan", Action: "pair"}, ExitCertificate,
		certificateFaults},
	{CertRejected, Severe, "Certificate refused", "The iPhone refuses this computer's certificate", pairAgain,
		ExitCertificate, certificateFaults},
	{CertWrongUsage, Severe, "Certificate for another use", "The certificate is not meant for this use", pairAgain,
		ExitCertificate, certificateFaults},
	{CertExpiring, Warning, "Certificate expires soon", "A certificate expires soon",
		Remedy{Text: "renew it", Command: "healthsync cert renew", Action: "renew"}, ExitOK, nil},
	{TokenExpired, Severe, "Pairing expired", "The pairing's token has expired", pairAgain, ExitCertificate,
		certificateFaults},
	{TokenExpiring, Warning, "Pairing expires soon", "The pairing's token expires soon", pairAgain, ExitOK, nil},
	{TokenRejected, Severe, "Pairing refused", "The iPhone no longer accepts this pairing", pairAgain, ExitCertificate,
		certificateFaults},
	{ClockSkew, Severe, "A clock is wrong", "A clock is wrong",
		Remedy{Text: "set both clocks by the network (iPhone: Settings > General > Date & Time > Set Automatically)",
			Command: "sudo sntp -sS time.apple.com", Action: "clock-settings"}, ExitCertificate,
		[]Code{CertHasExpired, CertNotYetValid, CertExpiring, TokenExpired, TokenExpiring}},
	{RenewUnavailable, Severe, "Cannot renew", "The certificate cannot be renewed", pairAgain, ExitCertificate, nil},

	{TimedOut, Severe, "No answer in time", "Connection timed out",
		Remedy{Text: "tap Stop Sharing and Start Sharing on the iPhone, move closer to the router, or allow more time",
			Command: "healthsync fetch --timeout 30000", Action: "retry"}, ExitUnreachable, nil},
	{UnsupportedProtocol, Severe, "TLS 1.3 not supported", "TLS protocol version mismatch",
		Remedy{Text: "what answers does not speak TLS 1.3: update the iPhone app, and use macOS 15 or later",
			Command: "healthsync diagnose", Action: "troubleshoot"}, ExitCertificate, certificateFaults},
	{PhoneNotFound, Severe, "iPhone not found", "The iPhone was not found on the local network", openApp,
		ExitUnreachable,
		[]Code{ConnRefused, HostUnreachable, TimedOut}},
	{ConnRefused, Severe, "Not sharing", "Connection refused", openApp, ExitUnreachable, nil},
	{HostUnreachable, Severe, "iPhone unreachable", "The iPhone cannot be reached from this network",
		Remedy{Text: "join the same Wi-Fi, switch off VPNs, and allow HealthSync in System Settings > Privacy & Security > Local Network", Command: "healthsync diagnose", Action: "troubleshoot"}, ExitUnreachable, nil},
	{ConnReset, Severe, "Connection broken", "Connection reset by peer", openApp, ExitUnreachable, nil},
	{NotTLS, Severe, "Not an iPhone", "What answers at this address does not speak TLS",
		Remedy{Text: "another program uses that port; find the iPhone anew", Command: "healthsync discover",
			Action: "follow"}, ExitUnreachable, nil},
	{HostChanged, Info, "iPhone moved", "The iPhone has a new address", Remedy{}, ExitOK,
		[]Code{CertNameInvalid, ConnRefused, HostUnreachable, TimedOut}},
	{HostUnverified, Severe, "Unknown device in its name", "Another device answers in the iPhone's name",
		Remedy{Text: "it was not trusted and nothing was sent to it; if you reinstalled the iPhone app, pair again",
			Command: "healthsync unpair && healthsync scan", Action: "pair"}, ExitCertificate,
		[]Code{CertFingerprintMismatch, CAMismatch, SelfSigned, PhoneNotFound}},

	{PhoneLocked, Severe, "iPhone locked", "The iPhone is locked",
		Remedy{Text: "unlock it and keep the app open", Command: "healthsync sync --wait 2", Action: "retry"},
		ExitPhoneBusy, nil},
	{RateLimited, Severe, "Too many requests", "The iPhone answers 60 requests a minute, no more",
		Remedy{Text: "wait a minute and try again", Action: "retry"}, ExitPhoneBusy, nil},
	{TypeNotEnabled, Severe, "Type not shared", "The iPhone does not share this type of data",
		Remedy{Text: "switch it on in the iPhone app, and see what it shares", Command: "healthsync types",
			Action: "troubleshoot"}, ExitPhoneBusy, nil},
	{TypeSilent, Warning, "A type fell silent", "The iPhone returns nothing any more for a type it used to share",
		Remedy{Text: "check Settings > Privacy & Security > Health > iOS Health Sync on the iPhone; what is stored was kept", Command: "healthsync types --local", Action: "troubleshoot"}, ExitOK, nil},
	{ResponseCut, Severe, "Answer cut short", "The iPhone broke off in the middle of an answer",
		Remedy{Text: "keep the app in front on the iPhone and try again; a sync carries on where it stopped",
			Action: "retry"}, ExitUnreachable, nil},
	{ResponseInvalid, Severe, "Answer not understood", "The iPhone's answer is not what its protocol says",
		Remedy{Text: "restart the iPhone app; if it stays so, attach this to a bug report",
			Command: "healthsync diagnose --output report.txt", Action: "troubleshoot"}, ExitFailure, nil},
	{PhoneError, Severe, "iPhone reports an error", "The iPhone answered with an error",
		Remedy{Text: "restart the iPhone app and try again", Command: "healthsync status", Action: "retry"},
		ExitFailure, nil},

	{KeychainLocked, Severe, "Keychain locked", "The keychain is locked",
		Remedy{Text: "unlock it", Command: unlockCommand, Action: "unlock"}, ExitKeychain,
		[]Code{NoClientCertificate, KeychainMissing, TokenRejected}},
	{KeychainDenied, Severe, "Keychain access denied", "The keychain refuses access",
		Remedy{Text: "answer the keychain's question with Always Allow, or unlock it first", Command: unlockCommand,
			Action: "unlock"}, ExitKeychain, []Code{NoClientCertificate, KeychainMissing}},
	{KeychainMissing, Severe, "Not in the keychain", "A secret of this pairing is missing from the keychain",
		Remedy{Text: "pair again", Command: "healthsync scan", Action: "pair"}, ExitKeychain,
		[]Code{NoClientCertificate}},
	{KeychainUnavailable, Severe, "No keychain", "No keychain service is running",
		Remedy{Text: "start one (GNOME Keyring, KWallet, KeePassXC), or choose a file for secrets on a machine without a desktop", Command: "HEALTHSYNC_VAULT=file healthsync scan", Action: "troubleshoot"}, ExitKeychain, []Code{NoClientCertificate, KeychainMissing}},
	{KeychainCorrupt, Severe, "Keychain item damaged", "A secret of this pairing is damaged",
		Remedy{Text: "nothing was overwritten; remove it and pair again",
			Command: "healthsync keychain clear && healthsync scan", Action: "pair"}, ExitKeychain,
		[]Code{NoClientCertificate}},

	{DiskFull, Severe, "Disk full", "The disk is full",
		Remedy{Text: "free some space and try again; everything stored so far is safe", Action: "retry"}, ExitStorage,
		nil},
	{StoreCorrupt, Severe, "Database damaged", "The local database is damaged",
		Remedy{Text: "it was left as it is; put a backup in its place, or move it aside and fetch the history from the iPhone again", Command: "healthsync sync", Action: "troubleshoot"}, ExitStorage, nil},
	{StoreReadOnly, Severe, "Database read-only", "The local database cannot be written",
		Remedy{Text: "check the permissions of the database folder", Command: "healthsync diagnose",
			Action: "troubleshoot"}, ExitStorage, nil},
	{StoreNewer, Severe, "Database of a newer version", "The local database was made by a newer HealthSync",
		Remedy{Text: "update HealthSync", Command: "healthsync version", Action: "troubleshoot"}, ExitStorage, nil},
	{StoreBusy, Severe, "Database in use", "Another program holds the local database",
		Remedy{Text: "close the other program and try again", Action: "retry"}, ExitStorage, nil},
	{StoreOlder, Severe, "Database of an older version", "The local database was made by an older HealthSync",
		Remedy{Text: "bring it up to date", Command: "healthsync sync", Action: "sync"}, ExitStorage, nil},
	{StoreHealed, Warning, "Differences put right", "The local database differed from the iPhone and was put right",
		Remedy{}, ExitHealed, nil},
	{StoreOther, Severe, "Another iPhone's data", "This database holds another iPhone's health data",
		Remedy{Text: "give this iPhone a folder of its own (HEALTHSYNC_HOME=DIR), or add its data to this database",
			Command: "healthsync sync --merge"}, ExitStorage, nil},
	{NoData, Severe, "Nothing stored yet", "There is no local database yet",
		Remedy{Text: "fetch the history first", Command: "healthsync sync", Action: "sync"}, ExitStorage, nil},
	{FileExists, Severe, "File exists", "The file exists already",
		Remedy{Text: "choose another name, or add --force to replace it"}, ExitStorage, nil},
	{FileError, Severe, "File problem", "A file cannot be read or written",
		Remedy{Text: "check the path and its permissions"}, ExitStorage, nil},
	{NoHome, Severe, "No home folder", "There is no home folder to keep anything in",
		Remedy{Text: "set HOME, or name a folder", Command: "HEALTHSYNC_HOME=DIR healthsync status"}, ExitStorage, nil},
	{ConfigInvalid, Severe, "Configuration invalid", "The configuration is not valid",
		Remedy{Text: "see what is accepted, or go back to the defaults", Command: "healthsync config reset",
			Action: "troubleshoot"}, ExitUsage, nil},
	{PairingFile, Severe, "Pairing record damaged", "The pairing record is damaged", pairAgain, ExitStorage, nil},

	{Usage, Severe, "Not understood", "The command was not understood", Remedy{}, ExitUsage, nil},
	{UnknownType, Severe, "Unknown type", "There is no such type of health data",
		Remedy{Text: "see the names", Command: "healthsync types --list"}, ExitUsage, nil},
	{InvalidDate, Severe, "Unknown date", "The date was not understood",
		Remedy{Text: "write it like 2026-01-31, 2026-01-31T08:00:00Z, yesterday or now"}, ExitUsage, nil},
	{NeedsYes, Severe, "Needs a confirmation", "This needs your confirmation",
		Remedy{Text: "add --yes where no one can answer"}, ExitUsage, nil},
	{Declined, Info, "Cancelled", "Cancelled, nothing was changed", Remedy{}, ExitFailure, nil},
	{SyncBusy, Severe, "Sync already running", "Another HealthSync is syncing right now",
		Remedy{Text: "let it finish", Command: "healthsync status"}, ExitPhoneBusy, nil},
	{NotOnThisBuild, Severe, "Not on this computer", "This is not available in this build", Remedy{}, ExitUsage, nil},
	{Interrupted, Info, "Interrupted", "Interrupted; everything stored so far is safe", Remedy{}, ExitInterrupted, nil},
	{Internal, Severe, "Unexpected error", "Something unexpected went wrong",
		Remedy{Text: "please report it, with a report of how things stand",
			Command: "healthsync diagnose --output report.txt", Action: "troubleshoot"}, ExitFailure, nil},
}
