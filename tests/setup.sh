#!/bin/sh
# Installs what `make test` and `make demo` need on a bare Debian: VENV and a second Paho in PAHO1.
set -eu
venv=$1
paho1=$2
packages="python3 python3-venv python3-systemd mosquitto mosquitto-clients shellcheck iproute2 strace faketime git ca-certificates"

missing=
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get update -q
    # The broker runs only inside tests: Debian must not start one of its own.
    # shellcheck disable=SC2086 # words, one a package
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends $missing
fi

# The system's python3-systemd is compiled against the system's libsystemd: hence system site packages.
/usr/bin/python3 -m venv --system-site-packages "$venv"
"$venv/bin/pip" install -q --upgrade --upgrade-strategy eager -e '.[dev]' 'paho-mqtt>=2,<3'
rm -rf "$paho1"
"$venv/bin/pip" install -q --no-deps --target "$paho1" 'paho-mqtt==1.6.1'
