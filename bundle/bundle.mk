# HealthSync.app: build, sign, notarize, pack, install. Included by the Makefile.
#
# On a Mac it needs the command line tools (xcode-select --install) and Go. On
# Linux it needs clang, lld and the root of a macOS SDK:
#
#   PATH=/usr/lib/llvm-19/bin:$PATH make app SDKROOT=/path/to/MacOSX.sdk
#
# The first build compiles darwinkit for both architectures, which takes 6 to
# 10 minutes each; the Go build cache keeps it.

APP       := $(BUILD)/HealthSync.app
RELEASE    = $(or $(shell echo '$(VERSION)' | sed -nE 's/^v?([0-9]+\.[0-9]+\.[0-9]+)([-+].*)?$$/\1/p'),0.0.0)
BUILDNO    = $(shell git rev-list --count HEAD 2>/dev/null || echo 0)
BUILDTIME  = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
ZIP        = $(BUILD)/HealthSync-$(RELEASE).zip
DMG        = $(BUILD)/HealthSync-$(RELEASE).dmg
MAKEAPP    = $(GO) run ./bundle/make
STAMP      = -go '$(GO)' -dir $(BUILD) -describe '$(VERSION)' -build $(BUILDNO)

# Who signs. "-" is nobody (ad hoc): it runs on this Mac, others are warned.
SIGN_ID        ?= -
# A profile that `xcrun notarytool store-credentials` has made.
NOTARY_PROFILE ?= healthsync
# Where install puts things.
APPDIR         ?= /Applications
BINDIR         ?= /usr/local/bin

ifeq ($(GOOS),darwin)
# A bare program carries its Info.plist inside, or macOS keeps it off the local
# network without a word.
LDFLAGS += '-extldflags=-sectcreate __TEXT __info_plist $(CURDIR)/$(BUILD)/Info.plist'
build: $(BUILD)/Info.plist
$(BUILD)/Info.plist: Info.plist .FORCE
	@$(MAKEAPP) info $(STAMP)
.PHONY: .FORCE
.FORCE:
endif

.PHONY: app
app: ## Build HealthSync.app, universal (on Linux: SDKROOT=/path/to/MacOSX.sdk)
	@$(MAKEAPP) app $(STAMP) -sdk '$(SDKROOT)' -sdk-extra '$(SDKEXTRA)'
	@echo "made $(APP)"

.PHONY: check-app
check-app: ## Read HealthSync.app back and check it
	@$(MAKEAPP) check $(APP)

.PHONY: sign
sign: ## Sign the app: SIGN_ID='Developer ID Application: ...', or ad hoc without
	codesign --force --options runtime --entitlements bundle/entitlements.plist \
	  $(if $(filter -,$(SIGN_ID)),--timestamp=none,--timestamp) --sign '$(SIGN_ID)' $(APP)
	codesign --verify --strict --verbose=2 $(APP)

.PHONY: notarize
notarize: ## Have Apple notarize the signed app (NOTARY_PROFILE), and staple it
	@[ '$(SIGN_ID)' != - ] || { echo "notarize needs SIGN_ID, a Developer ID" >&2; exit 1; }
	ditto -c -k --keepParent $(APP) $(BUILD)/notarize.zip
	xcrun notarytool submit $(BUILD)/notarize.zip --keychain-profile '$(NOTARY_PROFILE)' --wait
	xcrun stapler staple $(APP)
	spctl --assess --type execute --verbose=2 $(APP)

.PHONY: zip
zip: ## Pack the app; on a Mac after sign, on Linux after app
ifeq ($(GOOS),darwin)
	ditto -c -k --keepParent $(APP) $(ZIP)
	shasum -a 256 $(ZIP)
else
	@$(MAKEAPP) zip -dir $(BUILD) -out $(ZIP) -time $(BUILDTIME)
endif

.PHONY: dmg
dmg: ## Make the disk image (macOS only)
	rm -rf $(BUILD)/dmg && mkdir -p $(BUILD)/dmg
	ditto $(APP) $(BUILD)/dmg/HealthSync.app
	ln -s /Applications $(BUILD)/dmg/Applications
	hdiutil create -volname HealthSync -srcfolder $(BUILD)/dmg -ov -format UDZO $(DMG)
ifneq ($(SIGN_ID),-)
	codesign --timestamp --sign '$(SIGN_ID)' $(DMG)
	xcrun notarytool submit $(DMG) --keychain-profile '$(NOTARY_PROFILE)' --wait
	xcrun stapler staple $(DMG)
endif

.PHONY: cask
cask: ## Write the Homebrew cask of the zip: TAP=DIR URL=https://... HOMEPAGE=https://...
	@$(MAKEAPP) cask -describe '$(VERSION)' -out $(ZIP) -tap '$(TAP)' -url '$(URL)' -homepage '$(HOMEPAGE)'

.PHONY: third-party
third-party: ## Write THIRD_PARTY.md anew, from the licences of what is linked
	@$(MAKEAPP) third-party -go '$(GO)'

# install copies what `make app` (a Mac) or `make build` (elsewhere) has made;
# uninstall takes it away again. Neither touches the keychain, the settings or
# the health data: `healthsync unpair` does.
.PHONY: install
.PHONY: uninstall
ifeq ($(GOOS),darwin)
install: ## Put the app into APPDIR and the command into BINDIR (Linux: the command)
	ditto $(APP) '$(APPDIR)/HealthSync.app'
	mkdir -p '$(BINDIR)' 2>/dev/null; '$(APPDIR)/HealthSync.app/Contents/MacOS/HealthSync' cli install --dir '$(BINDIR)' || echo 'The app is installed; only its command is not.'

uninstall: ## Remove what install has put there; data and pairing stay
	[ ! -d '$(APPDIR)/HealthSync.app' ] || '$(APPDIR)/HealthSync.app/Contents/MacOS/HealthSync' cli remove --dir '$(BINDIR)' || echo 'The app goes; its command is left to you.'
	rm -rf '$(APPDIR)/HealthSync.app'
else
install:
	install -D -m 755 $(BINARY) '$(DESTDIR)$(BINDIR)/healthsync'
	install -D -m 644 THIRD_PARTY.md '$(DESTDIR)$(BINDIR)/../share/doc/healthsync/THIRD_PARTY.md'

uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/healthsync' '$(DESTDIR)$(BINDIR)/../share/doc/healthsync/THIRD_PARTY.md'
	rmdir '$(DESTDIR)$(BINDIR)/../share/doc/healthsync' 2>/dev/null || true
endif
