"""Rules that nobody would remember: every file is held to them, also those that are written tomorrow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from distributor.adapters import registry
from distributor.config.sections import SECTIONS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "distributor"
SOURCES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in SOURCES]
# The schema is one table of tables; migrations are written once and stay as they are.
LONG = {"storage/schema.py"}
LINES = 300

every_file = pytest.mark.parametrize("path", SOURCES, ids=NAMES)

IMPORTER = """
import builtins, importlib, io, os, pathlib, pkgutil, socket, sqlite3, subprocess, sys

import distributor

names = sorted(found.name for found in pkgutil.walk_packages(distributor.__path__, "distributor."))
names = [name for name in names if not name.endswith("__main__")]

def refuse(what):
    def refused(*args, **kwargs):
        raise AssertionError(f"{what} at import: {args[:2]}")
    return refused

real_open = builtins.open
def reading_only(file, mode="r", *args, **kwargs):
    if set(mode) & set("wax+"):
        raise AssertionError(f"a file opened for writing at import: {file}")
    return real_open(file, mode, *args, **kwargs)

def audit(event, args):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen",
                 "os.mkdir", "os.remove", "os.rename", "os.fork", "os.posix_spawn"}:
        raise AssertionError(f"{event} at import: {args}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise AssertionError(f"a file opened for writing at import: {args[0]}")

sys.dont_write_bytecode = True
import_threads = __import__("threading").active_count()
sys.addaudithook(audit)
for name in names:
    importlib.import_module(name)
assert __import__("threading").active_count() == import_threads, "a thread was started at import"
print(len(names))
"""


def test_nothing_happens_at_import(tmp_path: Path) -> None:
    command = [sys.executable, "-B", "-X", "dev", "-W", "ignore", "-c", IMPORTER]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"PATH": "", "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    not_imported = sum(name.endswith("__main__.py") or name.startswith("storage/migrations") for name in NAMES)
    assert int(done.stdout) + not_imported + 1 == len(SOURCES), "every module but the roots was imported"
    assert list(tmp_path.iterdir()) == []


# What a docstring says of the module's reach, in one of the words that the project uses for it.
REACH = re.compile(
    r"\b(may touch|touch(es)?|pure|reads? only|declarations only|may open|holds|no i/o|writes|statements|imports|"
    r"knows|only module|only place|driven from inside)\b",
    re.IGNORECASE,
)


@every_file
def test_every_module_says_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert said, "a module begins with what it does, what it may touch, what it never does"
    assert len(said.split()) >= 3


@pytest.mark.parametrize("package", ["core", "storage", "office"])
def test_the_modules_of_the_inner_layers_say_what_they_may_touch(package: str) -> None:
    silent = []
    for path in sorted((PACKAGE / package).glob("*.py")):
        said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        if not REACH.search(said):
            silent.append(path.name)
    assert silent == []


@every_file
def test_no_file_is_too_long_to_read(path: Path) -> None:
    if "migrations" in path.parts or str(path.relative_to(PACKAGE)) in LONG:
        return
    assert len(path.read_text("utf-8").splitlines()) <= LINES


@every_file
def test_no_error_is_passed_over_in_silence(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            body = [
                item for item in node.body if not isinstance(item, ast.Expr) or not isinstance(item.value, ast.Constant)
            ]
            assert body, f"line {node.lineno}: an empty handler"
            assert not all(isinstance(item, ast.Pass) for item in body), f"line {node.lineno}: except: pass"
            assert node.type is not None, f"line {node.lineno}: a bare except"


# Words of protocols and names of variables, never content. One line each, so that a new use is looked at.
NOT_CONTENT = {
    ("config/loading.py", "upper"),  # the name of an environment variable
    ("config/sources.py", "upper"),  # the same
    ("media/photo.py", "upper"),  # Pillow's name of a format
    ("sandbox/facebook.py", "upper"),  # an HTTP method
    ("sandbox/telegram_media.py", "capitalize"),  # Telegram's own error texts
    ("sandbox/telegram_methods.py", "capitalize"),  # the name of a Bot API method
    ("sandbox/x_auth.py", "upper"),  # an HTTP method (OAuth 1.0a, RFC 5849 3.4.1.1)
}


@every_file
def test_content_is_never_given_capitals(path: Path) -> None:
    # str.upper() and swapcase() turn Mkhedruli into Mtavruli; title() and capitalize() do the same to a first letter.
    forbidden = {"upper", "swapcase", "title", "capitalize"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in forbidden:
            known = (str(path.relative_to(PACKAGE)), node.func.attr) in NOT_CONTENT
            assert known or node.args or node.keywords, f"line {node.lineno}: .{node.func.attr}()"


def test_no_style_sheet_gives_capitals() -> None:
    sheets = [path for path in PACKAGE.rglob("*") if path.suffix in {".css", ".html", ".xsl", ".svg", ".js"}]
    assert sheets
    wrong = re.compile(
        r"text-transform\s*:\s*(uppercase|capitalize)|font-variant[a-z-]*\s*:[^;]*small-caps|\|\s*(upper|title|capitalize)\b"
    )
    assert [path.name for path in sheets if wrong.search(path.read_text("utf-8"))] == []
    calls = re.compile(r"\.to(Locale)?UpperCase\(")
    assert [path.name for path in sheets if calls.search(path.read_text("utf-8"))] == []


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    missing = [
        f"{section}.{key}"
        for section, model in SECTIONS.items()
        for key in model.model_fields
        if f"`{key}`" not in page
    ]
    for adapter in registry.names():
        keys = registry.settings_model(adapter).model_fields
        missing += [f"{adapter}.{key}" for key in keys if f"`{key}`" not in page]
    assert missing == []
    silent = [
        f"{s}.{key}" for s, model in SECTIONS.items() for key, f in model.model_fields.items() if not f.description
    ]
    assert silent == []


def test_nothing_is_left_for_later_and_no_check_is_switched_off() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|pragma: no cover")
    assert [name for name, path in zip(NAMES, SOURCES, strict=True) if words.search(path.read_text("utf-8"))] == []


def test_no_file_names_an_index_or_a_path_of_one_machine() -> None:
    texts = [*PACKAGE.rglob("*"), *(ROOT / "config").rglob("*"), *(ROOT / "requirements").rglob("*")]
    wrong = re.compile(r"--(extra-)?index-url|/home/\w+/|/work/")
    found = [
        str(path.relative_to(ROOT))
        for path in texts
        if path.is_file()
        and path.suffix not in {".mo", ".pyc", ".woff2", ".png", ".jpg", ".ico", ".ttf", ".gz"}
        and wrong.search(path.read_text("utf-8", "replace"))
    ]
    assert found == []
