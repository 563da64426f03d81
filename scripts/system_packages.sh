#!/usr/bin/env bash
# Installs what the system lacks, from the system's own packages (Debian, Ubuntu).
#
#   scripts/system_packages.sh make       the program make
#   scripts/system_packages.sh venv [PY]  what `PY -m venv` needs
#   scripts/system_packages.sh services   Redis, PostgreSQL and Chromium, for tests and benchmarks
#   scripts/system_packages.sh bench      smtp-sink and smtp-source (Postfix), to measure the mail
#
# May touch: packages of the system, and only as root or with a sudo that asks no password. Otherwise it
# says exactly what to install and exits 1. Never starts a server: tests start their own on free ports.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }

as_root=()
can_install() {
    has apt-get || return 1
    [ "$(id -u)" = 0 ] && return 0
    as_root=(sudo -n)
    has sudo && sudo -n true 2>/dev/null
}

install() { # install PACKAGE…
    if ! can_install; then
        echo "Missing: $*" >&2
        echo "Install them, then call make again:   sudo apt-get install $*" >&2
        exit 1
    fi
    echo "Installing from the system's packages: $*"
    "${as_root[@]}" apt-get update -qq
    # RUNLEVEL=1: the packages' own servers are not started, nothing here needs them.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_chromium() {
    local name
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
        # Asked for its version, because Ubuntu's package may be a stub that only points to a snap.
        if [ -n "$name" ] && has "$name" && "$name" --version >/dev/null 2>&1; then return 0; fi
    done
    compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium-*/chrome-linux*/chrome" >/dev/null
}

install_chromium() {
    if grep -qi '^ID=ubuntu' /etc/os-release; then
        # Ubuntu's chromium is a snap, which a container or a server often cannot run.
        if ! can_install; then
            echo "Missing: Chromium.   sudo .venv/bin/playwright install-deps chromium" >&2
            echo "                     .venv/bin/playwright install chromium" >&2
            exit 1
        fi
        "${as_root[@]}" .venv/bin/playwright install-deps chromium
        .venv/bin/playwright install chromium
    else
        # With the signs of the desk's buttons, which are empty boxes where no font has them.
        install chromium fonts-noto-color-emoji
    fi
    find_chromium || { echo "Chromium was installed but does not start" >&2; exit 1; }
}

case "${1:-}" in
make)
    has make || install make
    ;;
venv)
    python=${2:-python3}
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install "python$version-venv"
    fi
    ;;
services)
    wanted=()
    has redis-server || wanted+=(redis-server)
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb || wanted+=(postgresql)
    [ ${#wanted[@]} = 0 ] || install "${wanted[@]}"
    find_chromium || install_chromium
    echo "services: Redis, PostgreSQL and Chromium are here"
    ;;
bench)
    PATH=$PATH:/usr/sbin
    if ! has smtp-sink || ! has smtp-source; then
        # A machine has one mail server: installing Postfix would throw another one out.
        if has sendmail; then
            echo "Missing: smtp-sink and smtp-source, which come with Postfix. This machine has another mail server;" >&2
            echo "measure on one that has none." >&2
            exit 1
        fi
        install postfix
        # Only its test programs are wanted: it must not begin to serve at the next start of the machine either.
        if has systemctl; then "${as_root[@]}" systemctl --quiet disable postfix || true; fi
    fi
    echo "bench: smtp-sink and smtp-source are here"
    ;;
*)
    sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//'
    exit 2
    ;;
esac
