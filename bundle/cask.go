package bundle

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Cask is a Homebrew cask: what `brew install --cask healthsync` reads.
type Cask struct {
	Version string // of the release, "1.2.0"
	SHA256  string // of the archive
	// Archive is where it is downloaded from, with #{version} where the
	// version stands.
	Archive  string
	Homepage string
}

var (
	sha      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	caskText = regexp.MustCompile(`^[A-Za-z0-9._~:/?&=%+#{}-]+$`) // nothing that ends a Ruby string
)

// Text is the cask's source. The zap stanza lists what the app keeps, health
// data included: `brew uninstall` leaves it, `brew uninstall --zap` is asked
// for by name.
func (c Cask) Text() (string, error) {
	switch {
	case !shortVersion.MatchString(c.Version):
		return "", fmt.Errorf("cask: version %q is not of a release", c.Version)
	case !sha.MatchString(c.SHA256):
		return "", fmt.Errorf("cask: %q is no SHA-256", c.SHA256)
	case !caskText.MatchString(c.Archive) || !strings.HasPrefix(c.Archive, "https://"):
		return "", fmt.Errorf("cask: %q is no address of an archive", c.Archive)
	case !caskText.MatchString(c.Homepage) || !strings.HasPrefix(c.Homepage, "https://"):
		return "", fmt.Errorf("cask: %q is no homepage", c.Homepage)
	}
	return strings.NewReplacer("VERSION", c.Version, "SHA256", c.SHA256, "ARCHIVE", c.Archive, "HOMEPAGE", c.Homepage).Replace(caskSource), nil
}

const caskSource = `cask "healthsync" do
  version "VERSION"
  sha256 "SHA256"

  url "ARCHIVE"
  name "HealthSync"
  desc "Keeps your iPhone's health data on your own Mac"
  homepage "HOMEPAGE"

  depends_on macos: ">= :sequoia"

  app "HealthSync.app"
  binary "#{appdir}/HealthSync.app/Contents/MacOS/HealthSync", target: "healthsync"

  uninstall quit:       "org.mvneves.healthsync.mac",
            login_item: "HealthSync"

  zap trash: [
    "~/Library/Application Support/HealthSync",
    "~/Library/LaunchAgents/org.mvneves.healthsync.mac.login.plist",
    "~/Library/Logs/HealthSync",
    "~/Library/Preferences/org.mvneves.healthsync.mac.plist",
  ]

  caveats <<~EOS
    The keys and certificates of a pairing stay in the login keychain.
    Before you uninstall, remove them with:
      healthsync unpair
  EOS
end
`

// Tap writes the cask into a Homebrew tap: a Git repository named
// homebrew-something with a folder Casks.
func (c Cask) Tap(dir string) error {
	text, err := c.Text()
	if err != nil {
		return err
	}
	casks := filepath.Join(dir, "Casks")
	if err := os.MkdirAll(casks, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(casks, "healthsync.rb"), []byte(text), 0o644)
}
