package cli

import (
	"context"
	"errors"

	"healthsync/menubar/camera"
	"healthsync/pki/pairingcode"
)

// haveCamera reports whether this build can scan with a camera.
func haveCamera() bool { return camera.Available() == nil }

// payloadFromCamera shows the camera window in a child process.
func payloadFromCamera(ctx context.Context) (pairingcode.Payload, error) {
	text, err := camera.Scan(ctx, camera.Child{})
	if err != nil {
		return pairingcode.Payload{}, err
	}
	return pairingcode.ParsePayload(text)
}

// serveCamera is this program as that child: the window itself. It pairs with
// nobody and opens no keychain.
func serveCamera(ctx context.Context, env *Env) error {
	check := func(text string) string { return cameraHint(env, text) }
	return camera.Serve(ctx, env.Stdin, env.Stdout, camera.Show, camera.Window{Check: check})
}

// cameraHint says why a code before the camera is not the one; "" when it is.
// The window goes on looking, so it says what to show instead.
func cameraHint(env *Env, text string) string {
	p, err := pairingcode.ParsePayload(text)
	var other *pairingcode.NotHealthSyncError
	switch {
	case errors.As(err, &other):
		return "This QR code is not from iOS Health Sync. In the iPhone app, tap Start Sharing, then Show QR Code."
	case err != nil:
		return "This code is damaged or of a newer version. Show a new one in the iPhone app, or update HealthSync."
	case p.Expired(env.Now()):
		return "This code has expired. Tap Show QR Code again on the iPhone."
	}
	return ""
}
