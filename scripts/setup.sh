#!/usr/bin/env bash
# Makes the virtual environment .venv from the pinned, hashed requirements, and installs the project in it.
#
#   scripts/setup.sh run    what the service needs      (leaves .venv/bin/distributor)
#   scripts/setup.sh dev    the same and the tools of tests and checks
#   scripts/setup.sh bench  what the service needs and the peers that it is measured against
#
# May touch: .venv, and through scripts/system_packages.sh the package that `python -m venv` needs.
# Called by make, which remembers by a stamp in .venv that it was done.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?run, dev or bench}
started=$SECONDS

fits() { # fits PYTHON ADVICE: does it run, and is it new enough?
    "$1" -c "import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] $2))" 2>/dev/null
}

find_python() {
    local name
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" '' && echo "$PYTHON" && return
        echo "PYTHON=$PYTHON does not run, or is older than 3.11" >&2
        exit 1
    fi
    # First those that the pins were tried on, the system's own before others; then anything newer.
    for name in python3 python3.13 python3.12 python3.11; do
        fits "$name" '<= (3, 13)' && echo "$name" && return
    done
    fits python3 '' && echo python3 && return
    echo "Python 3.11 or newer is needed:   sudo apt-get install python3" >&2
    exit 1
}

if ! fits .venv/bin/python '' || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    scripts/system_packages.sh venv "$python"
    echo "setup: .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

install=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-build-isolation)
echo "setup: requirements/$kind.txt, with hashes (a minute or more when nothing is cached)"
"${install[@]}" --require-hashes -r requirements/build.txt
"${install[@]}" --require-hashes -r "requirements/$kind.txt"
"${install[@]}" --no-deps --editable .
test -x .venv/bin/distributor
echo "setup: done in $((SECONDS - started)) s"
