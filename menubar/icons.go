package menubar

import (
	"embed"
	"errors"
	"io/fs"
)

// The PNG files are drawn from icons.svg by `make icons`.
//
//go:embed icons/*.png
var iconFiles embed.FS

// Template is the icon for macOS: 32 pixels for 16 points, black and alpha,
// which the system colours to fit the menu bar.
func (i Icon) Template() ([]byte, error) { return iconFile(string(i) + "-32.png") }

// Tray is the icon for a tray that shows it as it is: dark with a light edge,
// readable on light and dark panels alike.
func (i Icon) Tray() ([]byte, error) { return iconFile(string(i) + "-tray.png") }

func iconFile(name string) ([]byte, error) {
	raw, err := iconFiles.ReadFile("icons/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return iconFiles.ReadFile("icons/" + string(IconAway) + "-32.png")
	}
	return raw, err
}
