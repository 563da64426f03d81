"""Looks for what must stay out of the repository: package registries and paths of one machine.

A pin that names an index, or a script that names a home folder, works on one machine and fails on the
next. Reads the files that git knows or would add; changes nothing. What is peculiar to this machine (its
pip configuration, home, checkout, proxy) is asked at run time and never written or printed, because an
index address may hold a password: a finding names file, line and kind only.

    python scripts/check_names.py [PATH…]     exit 0 clean, 1 found something
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent

# Put together from pieces, so that this file does not find itself.
_REGISTRIES = ("py" + "pi.org", "pythonhosted" + ".org", "anaconda" + ".org", "npmjs" + ".org")
_OPTIONS = ("index-" + "url", "find-" + "links", "trusted-" + "host")

GENERAL: dict[str, re.Pattern[str]] = {
    "a package registry": re.compile("|".join(re.escape(host) for host in _REGISTRIES), re.IGNORECASE),
    "an index option with a value": re.compile(rf"--(?:extra-)?(?:{'|'.join(_OPTIONS)})[ =]\S*[/:]"),
    "a home folder": re.compile(r"(?<![\w.$}*-])(?:/home/\w|/Users/\w|/root/\w)"),
}


def machine_patterns() -> dict[str, re.Pattern[str]]:
    """What only this machine knows, by kind. Never shown: it may hold a credential."""
    names: dict[str, set[str]] = {"the path of this checkout": {f"{ROOT}/"}, "a package index in use here": set()}
    names["the home folder in use here"] = {f"{Path.home()}/"} if len(Path.home().parts) > 2 else set()
    names["a proxy in use here"] = {
        host
        for key in ("HTTP_PROXY", "HTTPS_PROXY")
        for host in hosts(os.environ.get(key, "") or os.environ.get(key.lower(), ""))
    }
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        if key.rpartition(".")[2].removeprefix("extra-") in _OPTIONS:
            names["a package index in use here"].update(hosts(value.strip("'")))
    return {
        kind: re.compile("|".join(re.escape(name) for name in sorted(found))) for kind, found in names.items() if found
    }


def hosts(value: str) -> Iterator[str]:
    """The host of each address in a pip setting, or the folder itself where it is a path."""
    for word in value.replace("\\n", " ").split():
        name = urlsplit(word).hostname or word
        if name not in {"localhost", "127.0.0.1", "::1"} and len(name) > 3:
            yield name


def files(paths: list[str]) -> Iterator[Path]:
    """Files below the paths that are in git or would be added, text only."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in path.read_bytes()[:8192]:
            yield path


def findings(paths: list[str], patterns: dict[str, re.Pattern[str]]) -> Iterator[str]:
    """One line for each place: file, line number, kind."""
    for path in files(paths):
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
            for kind, pattern in patterns.items():
                if pattern.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: names {kind}"


def main(paths: list[str]) -> int:
    """Prints every finding; 1 if there is one."""
    found = list(findings(paths or ["."], GENERAL | machine_patterns()))
    for line in found:
        print(line)
    print(f"check_names: {len(found)} found" if found else "check_names: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
