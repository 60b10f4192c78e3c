#!/usr/bin/env bash
# demo.sh BINARY: what HealthSync does, shown with a simulated iPhone. Everything
# happens in .demo: no keychain, settings or data of the user's are touched.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$PWD/.demo
rm -rf "$work"
mkdir -p "$work"

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# healthsync, with the command shown as a person would type it
hs() {
	printf '%s$ healthsync' "$bold"
	for a in "$@"; do case $a in *[!A-Za-z0-9_./:,=-]*) printf " '%s'" "$a" ;; *) printf ' %s' "${a/#$work\//}" ;; esac; done
	printf '%s\n' "$plain"
	"$bin" "$@"
}
phones=()
end() { for p in ${phones[@]+"${phones[@]}"}; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done || true; }
trap end EXIT

# Is there a place for a menu-bar icon? On macOS a session of windows (Aqua);
# elsewhere somebody on the session bus who keeps tray icons.
desktop() {
	if [ "$(uname)" = Darwin ]; then
		[ "$(launchctl managername 2>/dev/null)" = Aqua ]
		return
	fi
	[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || return 1
	local bus=org.freedesktop.DBus tray=org.kde.StatusNotifierWatcher
	{
		dbus-send --session --print-reply --dest=$bus / $bus.NameHasOwner string:$tray ||
			gdbus call --session --dest $bus --object-path / --method $bus.NameHasOwner $tray ||
			busctl --user call $bus / $bus NameHasOwner s $tray
	} 2>/dev/null | grep -q true
}

for protocol in 2 1; do
	case $protocol in
	2) name="Ana's iPhone" && say "An iPhone with mutual TLS (protocol 2)" ;;
	1) name="Ben's iPhone" && say "The iPhone app of today: pinned certificate and token (protocol 1)" ;;
	esac
	export HEALTHSYNC_HOME=$work/protocol-$protocol HEALTHSYNC_VAULT=file
	code=$work/code-$protocol.png
	"$bin" simulate --protocol $protocol --name "$name" --history 6m --qr-file "$code" --no-qr >"$work/phone-$protocol.log" 2>&1 </dev/null &
	phone=$!
	phones+=($phone)
	for _ in $(seq 100); do
		[ -s "$code" ] && break
		kill -0 $phone 2>/dev/null || { cat "$work/phone-$protocol.log" >&2; exit 1; }
		sleep 0.1
	done
	echo "A simulated iPhone shares half a year of health data; its QR code is $code"
	hs scan --file "$code"
	hs sync
	hs status
	hs cert info
	hs types --local
	hs fetch --types steps,heartRate --hours 24 --limit 5
	hs fetch --types steps --days 7 --aggregate daily
done

db=$work/protocol-2/health.db
query="SELECT type, count(*) AS samples, min(start_date) AS since FROM samples GROUP BY type ORDER BY samples DESC LIMIT 5"
say "The database is yours: $db"
HEALTHSYNC_HOME=$work/protocol-2 hs sql "$query"
if command -v sqlite3 >/dev/null; then
	echo "The same from the sqlite3 command:"
	sqlite3 -header -column "$db" "$query"
fi

export HEALTHSYNC_HOME=$work/protocol-2 HEALTHSYNC_VAULT=file
if desktop; then
	say "The menu bar"
	echo '$ healthsync menubar'
	"$bin" menubar &
	phones+=($!)
	if [ -t 0 ]; then
		echo "HealthSync is in the menu bar now, with the simulated iPhone of Ana. Look around; Quit in its menu, or Ctrl-C here, ends the demo."
		wait $! || true
	else
		sleep 5
		hs status
	fi
else
	say "The menu bar"
	echo "There is no desktop with a place for the icon here, so the menu-bar app is not shown: docs/menubar.md has its pictures."
fi

say "That was $work; remove it with: make clean"
