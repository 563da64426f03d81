"""The project around the code: pins, the wheel, make targets and scripts, and checks that are able to fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts import check_names, try_imports

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKED = ("build", "run", "dev")


def pins(name: str) -> dict[str, tuple[str, int]]:
    """Distribution → (version, number of hashes) of one requirements file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=\S)", re.sub(r"^#.*\n|^ +# .*\n", "", text, flags=re.MULTILINE)):
        if match := re.match(r"([a-z0-9-]+)==(\S+)", block):
            found[match[1]] = (match[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}(?!\w)", block)))
        else:
            assert not block.strip(), f"{name}.txt holds something that is no pin: {block!r}"
    return found


@pytest.mark.parametrize("name", LOCKED)
def test_every_pin_has_hashes_and_nothing_but_pins_is_in_the_file(name: str) -> None:
    found = pins(name)
    assert len(found) > 5
    assert [pin for pin, (_, hashes) in found.items() if not hashes] == []


def test_the_pins_cover_what_the_project_asks_for_and_agree_with_each_other() -> None:
    build, run, dev = (pins(name) for name in LOCKED)
    assert {try_imports.canonical(line) for line in PROJECT["project"]["dependencies"]} <= run.keys()
    assert {try_imports.canonical(line) for line in PROJECT["project"]["optional-dependencies"]["dev"]} <= dev.keys()
    assert {"hatchling", "setuptools", "wheel"} <= build.keys()
    assert run.items() <= dev.items()
    for fewer, more in ((build, run), (build, dev)):
        both = fewer.keys() & more.keys()
        assert {name: fewer[name] for name in both} == {name: more[name] for name in both}


def test_every_library_that_the_service_asks_for_imports_without_a_warning() -> None:
    command = [sys.executable, str(ROOT / "scripts/try_imports.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"aiohttp", "telegram", "facebook", "dkim", "twitter_text"} <= try_imports.modules().keys()


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "distributor"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "distributor/py.typed" in tracked
    assert set(tracked) - inside == set()


# make and its scripts


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "bench", "lock", "clean", "help"])
def test_make_has_the_target_and_explains_it(target: str) -> None:
    listing = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\S", listing, re.MULTILINE)
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


def test_demo_installs_no_tool_of_development() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "scripts/setup.sh run" in done
    assert "scripts/setup.sh dev" not in done
    assert "distributor demo" in done


@pytest.mark.parametrize("script", [".ci/run", *(f"scripts/{p.name}" for p in (ROOT / "scripts").glob("*.sh"))])
def test_scripts_are_executable_strict_and_well_formed(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text("utf-8")
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_continuous_integration_runs_tests_checks_and_the_main_job_each_with_a_limit() -> None:
    steps = re.findall(r"^(?:if .*then )?step (\d+) \S+ (.+?)(?:; fi)?$", (ROOT / ".ci/run").read_text("utf-8"), re.M)
    commands = [command for _, command in steps]
    wanted = ["make test", "make check", "make test-servers", ".venv/bin/distributor demo --auto"]
    assert [command for command in commands if command in wanted] == wanted
    # Together they take 13 to 15 minutes; the limits are for a run that hangs, and a busy machine needs some air.
    assert sum(int(minutes) for minutes, _ in steps) <= 40


def test_without_rights_the_scripts_say_what_to_install(tmp_path: Path) -> None:
    for program in ("bash", "dirname", "id", "grep", "sed"):
        (tmp_path / program).symlink_to(
            f"/bin/{program}" if Path(f"/bin/{program}").exists() else f"/usr/bin/{program}"
        )
    done = subprocess.run(
        [str(tmp_path / "bash"), str(ROOT / "scripts/system_packages.sh"), "services"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "sudo apt-get install redis-server" in done.stderr


def test_setup_refuses_a_python_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "setup.sh"
    script.write_text((ROOT / "scripts/setup.sh").read_text("utf-8"), "utf-8")
    done = subprocess.run(
        ["bash", str(script), "run"], env={**os.environ, "PYTHON": "/bin/false"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "older than 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()


# checks that must be able to fail


def test_names_of_registries_and_machines_are_found_and_nothing_else() -> None:
    bad = {
        "https://files.python" + "hosted.org/x.whl": "a package registry",
        "--extra-index-" + "url https://mirror.example/simple": "an index option with a value",
        "cache: /home" + "/nino/.cache": "a home folder",
        f"see {ROOT}/" + "README.md": "the path of this checkout",
    }
    patterns = check_names.GENERAL | check_names.machine_patterns()
    for line, kind in bad.items():
        assert kind in [name for name, pattern in patterns.items() if pattern.search(line)]
    for line in ("$HOME/.cache", "ProtectHome=yes", "/opt/distributor/.venv", "--no-emit-index-url"):
        assert [name for name, pattern in patterns.items() if pattern.search(line)] == []


def test_the_index_in_use_is_searched_for_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://reader:canary-word@mirror.invalid/simple")
    pattern = check_names.machine_patterns()["a package index in use here"]
    assert pattern.search("pip install from mirror.invalid")
    assert "canary" not in pattern.pattern


VIOLATIONS = {
    "core imports a network library": ("core", "import aiohttp"),
    "core imports a higher part": ("core", "import distributor.storage"),
    "storage imports the office": ("storage", "import distributor.office"),
    "queue imports its neighbour": ("queue", "import distributor.storage"),
    "bot imports web": ("bot", "import distributor.web"),
    "an adapter imports another": ("adapters/x", "import distributor.adapters.email"),
    "web speaks SQL": ("web", "import sqlalchemy"),
    "office posts by itself": ("office", "import tweepy"),
}


@pytest.mark.parametrize("case", [None, *VIOLATIONS])
def test_the_import_contracts_refuse(case: str | None, tmp_path: Path) -> None:
    package = tmp_path / "distributor"
    parts = [
        "cli",
        "demo",
        "app",
        "bot",
        "web",
        "office",
        "queue",
        "adapters",
        "storage",
        "media",
        "sandbox",
        "config",
        "core",
    ]
    parts += [f"adapters/{name}" for name in ("telegram", "x", "facebook", "email", "newsroom", "wordpress", "webhook")]
    for folder in (package, *(package / part for part in parts)):
        folder.mkdir()
        (folder / "__init__.py").write_text("", "utf-8")
    if case:
        part, line = VIOLATIONS[case]
        (package / part / "wrong.py").write_text(line + "\n", "utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == (1 if case else 0), done.stdout
    assert not case or "wrong" in done.stdout
