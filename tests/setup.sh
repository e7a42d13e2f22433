#!/bin/sh
# setup.sh demo|test VENV PAHO1: installs what `make demo` or `make test` needs on a bare Debian 12 or 13: packages,
# the virtual environment VENV, and in PAHO1 the Paho and the requests of Debian 12. Where all that is there, it ends at
# once and needs no network.
set -eu
cd "$(dirname "$0")/.."
purpose=$1
venv=$2
paho1=$3
log=.cache/setup.log

# One package a line. The demo needs the first list, the tests need both.
packages="
ca-certificates
mosquitto
python3
python3-systemd
python3-venv
"
[ "$purpose" = demo ] || packages="$packages
autopkgtest
debhelper
dh-python
dnsmasq-base
faketime
git
iproute2
lintian
mandoc
mmdebstrap
mosquitto-clients
nftables
piuparts
po-debconf
pybuild-plugin-pyproject
python3-all
python3-cryptography
python3-hypothesis
python3-paho-mqtt
python3-pytest
python3-pytest-timeout
python3-pytest-xdist
python3-setuptools
python3-yaml
qemu-user-static
shellcheck
strace
systemd-container
"

say() {
    echo "set-up: $*"
}

# The words of a tool that fails are for the reader, those of one that works are not.
quietly() {
    "$@" >"$log" 2>&1 || fail "$*"
}

fail() {
    tail -n 40 "$log" >&2
    say "failed: $1" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

missing() {
    for package in $packages; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

# Another apt may hold any of three locks, and apt itself can wait for one of them only.
apt_get() {
    tries=0
    until as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q "$@" >"$log" 2>&1; do
        holder=$(grep -m 1 'Could not get lock' "$log") && [ "$tries" -lt 120 ] || return 1
        [ "$tries" -gt 0 ] || say "waiting for another package manager, at most 10 minutes: ${holder#E: }"
        tries=$((tries + 1))
        sleep 5
    done
}

install() {
    command="apt-get install --no-install-recommends $*"
    if [ "$(id -u)" -eq 0 ]; then
        say "installing from Debian: $*"
    elif command -v sudo >/dev/null; then
        say "installing from Debian, with sudo: $*"
    else
        say "failed: neither root nor sudo. As root: $command" >&2
        exit 1
    fi
    apt_get update -o APT::Update::Error-Mode=any ||
        say "apt-get update failed; trying with the lists of earlier. $(grep -m 1 '^[EW]: ' "$log" || true)"
    # An installation that was cut off earlier has to be ended first.
    apt_get install -y --no-install-recommends "$@" ||
        { as_root dpkg --configure -a >"$log" 2>&1 && apt_get install -y --no-install-recommends "$@"; } ||
        fail "$command"
    # The tests start brokers of their own: the service that comes with the package has no part in it.
    case " $* " in *" mosquitto "*)
        [ ! -d /run/systemd/system ] || quietly as_root systemctl disable --now mosquitto.service
        ;;
    esac
}

pip() {
    quietly "$venv/bin/python" -m pip install --disable-pip-version-check "$@"
}

# An environment works in one place and for one Python; of pyproject.toml, what stands before the settings of ruff counts.
place() {
    readlink -f /usr/bin/python3 "$venv" | tr '\n' ' '
}

inputs() {
    { sed '/^\[tool\.ruff\]/,$d' pyproject.toml && cat tests/setup.sh; } | sha256sum
}

ready() {
    made=$(cat "$venv/.ready" 2>/dev/null || true)
    [ "$made" = "$(place)test $(inputs)" ] || [ "$made" = "$(place)$purpose $(inputs)" ]
}

fill() {
    say "filling $venv from PyPI"
    # The system's python3-systemd is compiled against the system's libsystemd: hence system site packages, and no newer
    # one from PyPI.
    case $made in "$(place)"*) ;; *)
        quietly /usr/bin/python3 -m venv --clear --system-site-packages "$venv"
        ;;
    esac
    rm -f "$venv/.ready"
    "$venv/bin/python" -c 'import importlib.metadata as m; print("systemd-python==" + m.version("systemd-python"))' \
        >"$venv/constraints.txt"
    extra=sandbox
    [ "$purpose" = demo ] || extra=dev
    pip --upgrade --upgrade-strategy eager --constraint "$venv/constraints.txt" --editable ".[$extra]" 'paho-mqtt>=2,<3'
    [ "$purpose" = demo ] || pip --upgrade --no-deps --target "$paho1" \
        'paho-mqtt==1.6.1' 'requests==2.28.1' 'urllib3==1.26.20' 'chardet==5.1.0'
    echo "$(place)$purpose $(inputs)" >"$venv/.ready"
}

ready && exit 0
mkdir -p .cache
exec 9>.cache/setup.lock
flock --nonblock 9 || { say "waiting for another set-up of this tree" && flock 9; }
ready && exit 0
# shellcheck disable=SC2046 # words, one a package
set -- $(missing)
[ $# -eq 0 ] || install "$@"
fill
say "done"
