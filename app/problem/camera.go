package problem

import (
	"errors"
	"time"

	"healthsync/app/words"
	"healthsync/menubar/camera"
)

var cameraCodes = map[camera.Outcome]Code{
	camera.NoCamera:   CameraUnavailable,
	camera.Denied:     CameraDenied,
	camera.Restricted: CameraRestricted,
	camera.InUse:      CameraInUse,
	camera.Closed:     CameraClosed,
	camera.TimedOut:   CameraTimedOut,
	camera.Orphaned:   CameraOrphaned,
	camera.Failed:     CameraFailed,
}

// cameraError knows how a camera window ended without a code.
func cameraError(err error, _ time.Time) *Error {
	var (
		ended *camera.Error
		none  *camera.UnavailableError
	)
	switch {
	case errors.As(err, &none) && none.Unsound:
		e := New(NotOnThisBuild, "This program was built without a flag that its camera window needs to be safe.", err)
		e.Remedy = Remedy{Text: "build it with `make build`, or by hand",
			Command: "go build " + camera.SoundFlag + " ./app/healthsync"}
		return e
	case errors.As(err, &none):
		e := New(CameraUnavailable, "The camera window is there on macOS only.", err)
		e.Sentence = "This build cannot scan with the camera"
		return e
	case errors.As(err, &ended):
		e := New(cameraCodes[ended.Outcome], "", err)
		if ended.Detail != "" {
			e.Detail = words.Capital(ended.Detail)
		}
		return e
	}
	return nil
}
