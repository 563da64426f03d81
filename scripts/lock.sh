#!/usr/bin/env bash
# Writes requirements/*.txt: exact versions with the hashes of every file of each release.
#
# May touch: requirements/*.txt. Never: the environment that is in use (it compiles with the pip-tools
# of .venv, and installs nothing). The options keep everything of this machine out of the files: index
# address, extra links, trusted hosts, the command line; scripts/check_names.py then looks for them.
#
# Compile with the oldest Python that the project supports: a dependency that only newer ones need
# shows in the try-out at the end, because with hashes pip refuses whatever is not pinned. The try-out also
# imports every library: twitter-text-parser, for one, imports pkg_resources without asking for setuptools.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON_LOCK:-.venv/bin/python}
upgrade=${UPGRADE:+--upgrade}

compile() { # compile OUTPUT ARGUMENTS…
    local output=$1
    shift
    echo "lock: $output"
    CUSTOM_COMPILE_COMMAND="make lock" "$python" -m piptools compile --quiet --no-config \
        --resolver=backtracking --generate-hashes --allow-unsafe --strip-extras \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
        --annotation-style=line $upgrade --output-file "$output" "$@"
}

compile requirements/build.txt requirements/build.in
compile requirements/run.txt --constraint requirements/build.txt pyproject.toml
compile requirements/dev.txt --constraint requirements/run.txt --extra dev pyproject.toml
compile requirements/bench.txt --constraint requirements/dev.txt --extra bench pyproject.toml

"$python" scripts/check_names.py requirements

for version in 3.11 3.12 3.13; do
    if ! "python$version" -c pass 2>/dev/null; then
        echo "lock: Python $version is not here, so the pins were not tried on it"
        continue
    fi
    scratch=$(mktemp -d)
    "python$version" -m venv "$scratch/venv"
    pip=("$scratch/venv/bin/python" -m pip install --quiet --no-build-isolation --require-hashes)
    "${pip[@]}" -r requirements/build.txt
    "${pip[@]}" -r requirements/run.txt
    "${pip[@]}" --dry-run -r requirements/dev.txt
    "${pip[@]}" --dry-run -r requirements/bench.txt
    "$scratch/venv/bin/python" scripts/try_imports.py
    rm -rf "$scratch"
    echo "lock: the pins fit Python $version"
done
