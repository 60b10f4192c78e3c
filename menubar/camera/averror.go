package camera

// Codes of AVError.h (AVFoundationErrorDomain); the numbers are those of
// darwinkit's enumtypes.gen.go, generated from the header.
const (
	avDeviceAlreadyUsedByAnotherSession          = -11804
	avDeviceWasDisconnected                      = -11808
	avDeviceNotConnected                         = -11814
	avDeviceInUseByAnotherApplication            = -11815
	avDeviceLockedForConfigurationByAnother      = -11817
	avApplicationIsNotAuthorized                 = -11836
	avApplicationIsNotAuthorizedToUseDevice      = -11852
	domainAVFoundation                           = "AVFoundationErrorDomain"
	authorizationNotDetermined, restricted       = 0, 1
	authorizationDenied, authorizationAuthorized = 2, 3
)

// failure turns an NSError of the capture session into an outcome.
func failure(domain string, code int, text string) *Error {
	e := &Error{Outcome: Failed, Detail: text}
	if domain != domainAVFoundation {
		return e
	}
	switch code {
	case avDeviceAlreadyUsedByAnotherSession, avDeviceInUseByAnotherApplication,
		avDeviceLockedForConfigurationByAnother:
		e.Outcome = InUse
	case avDeviceWasDisconnected, avDeviceNotConnected:
		e.Outcome = NoCamera
	case avApplicationIsNotAuthorized, avApplicationIsNotAuthorizedToUseDevice:
		e.Outcome = Denied
	}
	return e
}

// refusal returns asks=true if the user must be asked, an error if access is
// refused, for an AVAuthorizationStatus.
func refusal(status int) (asks bool, err error) {
	switch status {
	case authorizationAuthorized:
		return false, nil
	case authorizationNotDetermined:
		return true, nil
	case restricted:
		return false, &Error{Outcome: Restricted}
	}
	return false, &Error{Outcome: Denied}
}
