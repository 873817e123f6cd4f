#!/bin/sh
# Debian packages that no wheel brings.   ops/native.sh demo|test
#   demo: Pango and a font, for reports as PDF.   test: also a browser and DICOM tools.
# Installs what is missing when it may (root, apt); else says in one line what to type.
set -eu
demo="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
test="chromium libatomic1 poppler-utils dcmtk dicom3tools"  # libatomic1: Playwright's own Node
case "${1:-}" in
    demo) wanted=$demo ;;
    test) wanted="$demo $test" ;;
    *) echo "usage: ops/native.sh demo|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian: please install by your own means what matches: $wanted"
    exit 0
fi
missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Please type: sudo apt-get install --no-install-recommends$missing"
    # Without Pango only the PDF of a report fails, and says so. The tests need all of it.
    if [ "$1" = demo ]; then exit 0; else exit 1; fi
fi
echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of words
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >ops/native.log 2>&1; then
    tail -n 5 ops/native.log >&2
    echo "apt-get failed; all it said is in ops/native.log. Needed:$missing" >&2
    exit 1
fi
rm -f ops/native.log
