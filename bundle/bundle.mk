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
IDENTIFIER := org.mvneves.healthsync.mac
INFO       := $(BUILD)/Info.plist
MAKEAPP    = $(GO) run ./bundle/make

# Who signs. "-" is nobody (ad hoc): it runs on this Mac, others are warned.
SIGN_ID        ?= -
# A profile that `xcrun notarytool store-credentials` has made.
NOTARY_PROFILE ?= healthsync
# Where install puts things.
APPDIR         ?= /Applications
BINDIR         ?= /usr/local/bin

# A program carries its Info.plist inside, or macOS keeps it off the local
# network without a word. The flags go to the shell as variables: they hold
# quotes of their own.
DARWIN_LDFLAGS := $(LDFLAGS) "-extldflags=-sectcreate __TEXT __info_plist '$(CURDIR)/$(INFO)'"
export DARWIN_LDFLAGS
export GO_LDFLAGS := $(if $(filter darwin,$(GOOS)),$(DARWIN_LDFLAGS),$(LDFLAGS))

ifeq ($(GOOS),darwin)
build: $(INFO)
endif

# The version and the count of commits, stamped into the checked-in file.
$(INFO): Info.plist .FORCE
	@mkdir -p $(BUILD)
	@sed -e '/<key>CFBundleShortVersionString</{n;s/>.*</>$(RELEASE)</;}' -e '/<key>CFBundleVersion</{n;s/>.*</>$(BUILDNO)</;}' Info.plist >$@
.PHONY: .FORCE
.FORCE:

.PHONY: app
app: $(INFO) ## Build HealthSync.app, universal (on Linux: SDKROOT=/path/to/MacOSX.sdk)
	@GO='$(GO)' GO_LDFLAGS="$$DARWIN_LDFLAGS" GCFLAGS='$(DARWIN_GCFLAGS)' INFO='$(INFO)' APP='$(APP)' BUILD='$(BUILD)' \
	  SDKROOT='$(SDKROOT)' SDKEXTRA='$(SDKEXTRA)' bundle/app.sh
ifeq ($(GOOS),darwin)
	@$(MAKE) --no-print-directory sign SIGN_ID='$(SIGN_ID)'
else
	@echo 'It is not signed. On a Mac: codesign --force --sign - $(APP)'
endif
	@$(MAKE) --no-print-directory check-app
	@echo "made $(APP)"

.PHONY: check-app
check-app: ## Read HealthSync.app back and check it
	@$(MAKEAPP) check $(APP) '$(DARWIN_GCFLAGS)'

.PHONY: icon
icon: ## Draw AppIcon.icns anew (needs rsvg-convert and, on a Mac, iconutil)
	rm -rf $(BUILD)/AppIcon.iconset && mkdir -p $(BUILD)/AppIcon.iconset
	for s in 16 32 128 256 512; do for x in 1 2; do \
	  p=$$((s * x)); from=bundle/AppIcon.svg; [ $$p -gt 32 ] || from=bundle/AppIcon-small.svg; \
	  [ $$x = 1 ] && n=icon_$${s}x$$s.png || n=icon_$${s}x$$s@2x.png; \
	  rsvg-convert -w $$p -o $(BUILD)/AppIcon.iconset/$$n $$from || exit 1; done; done
	iconutil --convert icns --output bundle/AppIcon.icns $(BUILD)/AppIcon.iconset

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
	@$(MAKEAPP) zip $(APP) $(ZIP) $(BUILDTIME)
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
	@[ -n '$(TAP)' ] && [ '$(RELEASE)' != 0.0.0 ] || { echo "cask needs a release (a tag vX.Y.Z) and TAP, URL and HOMEPAGE" >&2; exit 1; }
	@case '$(URL)$(HOMEPAGE)' in https://*https://*) ;; *) echo "cask: URL and HOMEPAGE begin with https://" >&2; exit 1 ;; esac
	@mkdir -p '$(TAP)/Casks'
	@sum=$$($(MAKEAPP) sum '$(ZIP)') && sed -e 's|@VERSION@|$(RELEASE)|' -e "s|@SHA256@|$$sum|" -e 's|@URL@|$(URL)|' -e 's|@HOMEPAGE@|$(HOMEPAGE)|' \
	  bundle/cask.rb.in >'$(TAP)/Casks/healthsync.rb'

.PHONY: third-party
third-party: ## Write THIRD_PARTY.md anew, from the licences of what is linked
	@$(MAKEAPP) third-party '$(GO)'

# install copies what `make app` (a Mac) or `make build` (elsewhere) has made;
# uninstall takes it away again. Neither touches the keychain, the settings or
# the health data: `healthsync unpair` does.
.PHONY: install
.PHONY: uninstall
ifeq ($(GOOS),darwin)
install: ## Put the app into APPDIR and the command into BINDIR (Linux: the command)
	-osascript -e 'quit app id "$(IDENTIFIER)"'
	rm -rf '$(APPDIR)/HealthSync.app'
	ditto $(APP) '$(APPDIR)/HealthSync.app'
	mkdir -p '$(BINDIR)' && ln -sf '$(APPDIR)/HealthSync.app/Contents/MacOS/HealthSync' '$(BINDIR)/healthsync' \
	  || echo "The command is not in $(BINDIR): sudo ln -sf '$(APPDIR)/HealthSync.app/Contents/MacOS/HealthSync' '$(BINDIR)/healthsync'"

uninstall: ## Remove what install has put there; data and pairing stay
	rm -rf '$(APPDIR)/HealthSync.app'
	[ ! -L '$(BINDIR)/healthsync' ] || rm -f '$(BINDIR)/healthsync'
else
install:
	install -D -m 755 $(BINARY) '$(DESTDIR)$(BINDIR)/healthsync'
	install -D -m 644 THIRD_PARTY.md '$(DESTDIR)$(BINDIR)/../share/doc/healthsync/THIRD_PARTY.md'

uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/healthsync' '$(DESTDIR)$(BINDIR)/../share/doc/healthsync/THIRD_PARTY.md'
	rmdir '$(DESTDIR)$(BINDIR)/../share/doc/healthsync' 2>/dev/null || true
endif
