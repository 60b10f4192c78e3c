package explain

import (
	"errors"
	"time"

	"healthsync/app/status"
	"healthsync/menubar/camera"
)

var cameraCodes = map[camera.Outcome]status.Code{
	camera.NoCamera:   status.CameraUnavailable,
	camera.Denied:     status.CameraDenied,
	camera.Restricted: status.CameraRestricted,
	camera.InUse:      status.CameraInUse,
	camera.Closed:     status.CameraClosed,
	camera.TimedOut:   status.CameraTimedOut,
	camera.Orphaned:   status.CameraOrphaned,
	camera.Failed:     status.CameraFailed,
}

// cameraError knows how a camera window ended without a code.
func cameraError(err error, _ time.Time) *status.Error {
	var (
		ended *camera.Error
		none  *camera.UnavailableError
	)
	switch {
	case errors.As(err, &none) && none.Unsound:
		e := status.New(status.NotOnThisBuild, "This program was built without a flag that its camera window needs to be safe.", err)
		e.Remedy = status.Remedy{Text: "build it with `make build`, or with", Command: "go build " + camera.SoundFlag + " ./app/healthsync"}
		return e
	case errors.As(err, &none):
		e := status.New(status.CameraUnavailable, "The camera window is there on macOS only.", err)
		e.Sentence = "This build cannot scan with the camera"
		return e
	case errors.As(err, &ended):
		e := status.New(cameraCodes[ended.Outcome], "", err)
		if ended.Detail != "" {
			e.Detail = capital(ended.Detail)
		}
		return e
	}
	return nil
}
