#!/bin/sh
# Installs the programs that tests start for themselves: arguments are package:program, or package:/path/of/a/file. Needs Debian and root; without them
# it says what to type, and the tests that want the server report that they are skipped. Nothing is started here.
set -u
missing=""
for pair in "$@"; do
    command -v "${pair#*:}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair#*:}" ] || [ -e "${pair#*:}" ] || missing="$missing ${pair%%:*}"
done
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; } || true
fi
for pair in "$@"; do
    command -v "${pair#*:}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair#*:}" ] || [ -e "${pair#*:}" ] ||
        echo "not here: ${pair#*:}, its tests will be skipped. Type:  sudo apt-get install ${pair%%:*}"
done
exit 0
