package cli

import (
	"context"

	"healthsync/app/status"
	"healthsync/pki/qr"
)

// haveCamera reports whether this build can scan with a camera.
func haveCamera() bool { return false }

func payloadFromCamera(context.Context, *Env) (qr.Payload, error) {
	return qr.Payload{}, status.New(status.CameraUnavailable, "This build cannot scan with the camera.", nil)
}
