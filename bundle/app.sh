#!/usr/bin/env bash
# app.sh: builds HealthSync.app, universal; bundle.mk calls it and says with what.
#
#   GO GO_LDFLAGS GCFLAGS    the go command and its flags
#   INFO APP BUILD           the stamped Info.plist, the app's folder, the working folder
#   SDKROOT SDKEXTRA         elsewhere than on a Mac: the root of a macOS SDK, and a folder
#                            of frameworks that it lacks
set -euo pipefail
cd "$(dirname "$0")/.."

plist() { sed -n "/<key>$1</{n;s/.*>\(.*\)<.*/\1/p;}" "$INFO"; }
minimum=$(plist LSMinimumSystemVersion)
export MACOSX_DEPLOYMENT_TARGET=$minimum CGO_ENABLED=1 GOOS=darwin

if [ "$(uname)" = Darwin ]; then
	lipo=lipo
else
	[ -d "${SDKROOT:-}/usr" ] || { echo "a macOS SDK is needed here: make app SDKROOT=/path/to/MacOSX.sdk" >&2; exit 1; }
	for tool in clang ld64.lld llvm-lipo; do
		command -v $tool >/dev/null || { echo "$tool is missing: apt-get install clang-19 lld-19 llvm-19, and put /usr/lib/llvm-19/bin into PATH" >&2; exit 1; }
	done
	lipo=llvm-lipo
	sdk=$(sed -n 's/.*"Version": *"\([0-9.]*\)".*/\1/p' "$SDKROOT/SDKSettings.json" | head -1)
	# An older SDK compiles for its own version; what is newer is looked up by name at run time.
	target=${minimum%%.*}
	[ "${sdk%%.*}" -ge "${minimum%%.*}" ] || target=${sdk%%.*}
	# Go's own "-O2 -g" would have it look for dsymutil.
	export CGO_LDFLAGS=${CGO_LDFLAGS:--O2}
	GO_LDFLAGS="${GO_LDFLAGS%\"} -Wl,-platform_version,macos,$minimum,$sdk\""
fi

slices=()
for arch in arm64 amd64; do
	out=$BUILD/healthsync-darwin-$arch
	if [ "$lipo" = llvm-lipo ]; then
		cpu=${arch/amd64/x86_64}
		flags="-target $cpu-apple-macos$target -isysroot $SDKROOT ${SDKEXTRA:+-F$SDKEXTRA} -F$SDKROOT/System/Library/Frameworks -fuse-ld=lld -Wno-everything"
		export CC="clang $flags" CXX="clang++ $flags"
	fi
	GOARCH=$arch "$GO" build -trimpath "$GCFLAGS" -ldflags="$GO_LDFLAGS" -o "$out" ./app/healthsync
	slices+=("$out")
done

# Beside the old app, whose place it takes when it is whole.
new=$APP.new/Contents
rm -rf "$APP.new"
mkdir -p "$new/MacOS" "$new/Resources"
$lipo -create -output "$new/MacOS/HealthSync" "${slices[@]}"
chmod 755 "$new/MacOS/HealthSync"
cp "$INFO" "$new/Info.plist"
cp bundle/AppIcon.icns THIRD_PARTY.md LICENSE "$new/Resources/"
printf 'APPL????' >"$new/PkgInfo"
rm -rf "$APP"
mv "$APP.new" "$APP"
