"""The benchmarks around their figures: the JSON contract, the reports, groups that are missing, pins of the peers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis.asyncio

from benchmarks import __main__ as command
from benchmarks import child, http_loop, report
from benchmarks.report import BEGIN, END, Group
from benchmarks.results import FIELDS, Result, checked, result, value_of
from scripts import try_imports
from tests.project.test_scaffold import PROJECT, ROOT, pins
from tests.services import redis_server

RATE = result("sends, ours", 4_394.6, "requests/s", 11_862.8)
PLAIN = result("commands", 0.0064, "commands")
IN_WORDS: Result = {"name": "mails", "value": 8_100, "unit": "mails/s", "against": "smtp-source", "ratio": 0.694}
GROUP = Group("http", "One process sends.", [RATE, PLAIN, IN_WORDS])


# the contract of benchmarks/latest.json


def test_a_result_has_five_fields_and_its_ratio() -> None:
    assert tuple(RATE) == FIELDS == ("name", "value", "unit", "against", "ratio")
    assert RATE["ratio"] == pytest.approx(0.37045, abs=1e-5)
    assert (PLAIN["against"], PLAIN["ratio"]) == (None, None)
    assert checked(IN_WORDS) is IN_WORDS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "name is a text"),
        ({"unit": None}, "unit is a text"),
        ({"value": "17"}, "value is a number"),
        ({"value": True}, "value is a number"),
        ({"value": float("nan")}, "value is a number"),
        ({"value": float("inf")}, "value is a number"),
        ({"value": -1.0}, "value is a number"),
        ({"against": [1]}, "against is a number, a text or nothing"),
        ({"against": None}, "ratio is a number where"),
        ({"ratio": None}, "ratio is a number where"),
        ({"ratio": float("nan")}, "ratio is a number where"),
        ({"note": "more"}, "a result has the fields"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_its_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked(RATE | change)


def test_a_figure_of_this_run_is_found_by_its_name_or_missed_aloud() -> None:
    assert value_of([PLAIN, RATE], "sends, ours") == 4_394.6
    with pytest.raises(LookupError, match="'sends, theirs' was not measured in this run"):
        value_of([PLAIN, RATE], "sends, theirs")


def test_latest_json_is_one_list_over_all_groups(tmp_path: Path) -> None:
    path = report.write_json([GROUP, Group("raw", "", [PLAIN])], tmp_path)
    assert path.name == "latest.json"
    assert json.loads(path.read_text("utf-8")) == [RATE, PLAIN, IN_WORDS, PLAIN]


def test_latest_json_never_holds_what_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="value is a number"):
        report.write_json([Group("raw", "", [PLAIN | {"value": float("nan")}])], tmp_path)
    assert list(tmp_path.iterdir()) == []


# what people read


@pytest.mark.parametrize(
    ("value", "shown"),
    [(195_519.2, "195,519"), (100.0, "100"), (28.94, "28.9"), (1.091, "1.09"), (0.37045, "0.37"), (0.0064, "0.0064")],
)
def test_a_figure_shows_the_digits_that_count(value: float, shown: str) -> None:
    assert report.figure(value) == shown


def test_the_terminal_shows_setup_value_and_what_it_is_held_against() -> None:
    assert list(report.lines(GROUP)) == [
        "http: One process sends.",
        "  sends, ours        4,395 requests/s  0.37 × 11,863",
        "  commands          0.0064 commands",
        "  mails              8,100 mails/s     0.69 × smtp-source",
    ]


def test_the_table_names_the_machine_and_has_a_row_for_each_figure() -> None:
    made = report.table([GROUP], {"machine": "2 cores | fast"})
    assert made == (
        "- machine: 2 cores \\| fast\n\n### http\n\nOne process sends.\n\n"
        "| measured | value | unit | ratio × held against |\n|---|---:|---|---|\n"
        "| sends, ours | 4,395 | requests/s | 0.37 × 11,863 |\n"
        "| commands | 0.0064 | commands |  |\n"
        "| mails | 8,100 | mails/s | 0.69 × smtp-source |"
    )


def test_only_the_part_between_the_marks_is_written(tmp_path: Path) -> None:
    (tmp_path / "RESULTS.md").write_text(f"# Before\n\n{BEGIN}\n\nold\n\n{END}\n\nAfter.\n", "utf-8")
    for _ in range(2):  # a second run replaces the first one's figures, and adds nothing
        report.write_table([Group("raw", "Bare.", [PLAIN])], tmp_path, {"Python": "3.11"})
    written = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert written.startswith(f"# Before\n\n{BEGIN}\n\n- Python: 3.11\n\n### raw\n\nBare.\n\n| measured")
    assert written.endswith(f"| commands | 0.0064 | commands |  |\n\n{END}\n\nAfter.\n")
    assert "old" not in written


@pytest.mark.parametrize(
    "text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}", f"{END}{BEGIN}{END}"]
)
def test_without_both_marks_nothing_is_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"RESULTS\.md needs the line"):
        report.replaced(text, "table")


def test_the_projects_own_page_of_results_can_be_written() -> None:
    page = (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8")
    assert "| commands |" in report.replaced(page, report.table([GROUP], {}))


@pytest.mark.postgres
@pytest.mark.redis
def test_the_machine_is_told_by_what_it_can_do_and_not_by_its_name() -> None:
    facts = report.machine()
    assert re.fullmatch(r"\d+ cores, .+, \d+ GiB, .+, Linux \d+\.\d+", facts["machine"])
    assert re.fullmatch(r"Redis [\d.]+, PostgreSQL [\d.]+, SQLite [\d.]+", facts["servers"])
    assert re.search(r"\baiohttp [\d.]+, .*uvloop [\d.]+", facts["libraries"])
    said = "\n".join(facts.values())
    for name in (str(ROOT), str(Path.home()), socket.gethostname()):
        assert name not in said


# the command


def test_a_group_that_is_not_there_is_named_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(command.GROUPS, "nowhere", "benchmarks.nowhere")
    assert command.main(["--only", "raw", "nowhere"], tmp_path) == 1
    shown = capsys.readouterr()
    assert shown.err == "benchmarks: the group nowhere is missing: benchmarks/nowhere.py is not there\n"
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_group_whose_peer_is_not_installed_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "wants_a_peer.py").write_text("import no_such_peer\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(command.GROUPS, "peer", "wants_a_peer")
    with pytest.raises(command.GroupMissing, match="needs no_such_peer: `make setup-bench` installs it"):
        command.load("peer")


def test_a_name_that_is_no_group_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--only", "speed"])
    assert ended.value.code == 2
    assert "'first_byte', 'peers', 'raw', 'http'" in capsys.readouterr().err


async def test_a_group_is_given_what_it_takes_and_its_results_are_held_to_the_contract() -> None:
    seen: list[Any] = []

    async def measure(*, earlier: list[Result]) -> list[Result]:
        seen.extend(earlier)
        return [PLAIN]

    async def wrong() -> list[dict[str, Any]]:
        return [{"name": "half"}]

    module = ModuleType("ours")
    vars(module).update(measure=measure, SETUP="So.")
    assert await command.run("ours", module, quick=True, earlier=[RATE]) == Group("ours", "So.", [PLAIN])
    assert seen == [RATE]
    vars(module).update(measure=wrong)
    with pytest.raises(ValueError, match="a result has the fields"):
        await command.run("ours", module, quick=False, earlier=[])


@pytest.mark.postgres
@pytest.mark.redis
def test_a_quick_run_measures_real_servers_and_leaves_the_page_of_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "RESULTS.md").write_text("as it was", "utf-8")
    assert command.main(["--only", "raw", "--quick"], tmp_path) == 0
    found = {item["name"]: item for item in json.loads((tmp_path / "latest.json").read_text("utf-8"))}
    # One command reads a hundred, one acknowledges and one deletes them; a few more at both ends.
    assert found["raw: Redis commands for a drained message, 100 at once"]["value"] == pytest.approx(0.03, rel=0.1)
    for database in ("SQLite", "PostgreSQL"):
        one, many = (found[f"raw: row updates, {database}, {size} a commit"]["value"] for size in (1, 500))
        assert 0 < one < many, "a commit for each row is the slow way, or the commits do not reach the disk"
    assert "raw: stream messages added" in capsys.readouterr().out
    assert (tmp_path / "RESULTS.md").read_text("utf-8") == "as it was"


async def test_sends_over_http_go_to_a_server_in_another_process() -> None:
    measured = await http_loop._compare("sandbox", "uvloop", sends=200, runs=1)
    assert [item["unit"] for item in measured] == ["requests/s", "requests/s", "µs", "µs"]
    for bare, ours in (measured[:2], measured[2:]):
        assert ours["against"] == bare["value"] > 0


async def test_a_child_that_fails_says_why_and_one_that_hangs_is_ended() -> None:
    with pytest.raises(child.ChildFailed, match="Cannot connect to host"):
        await child.ask("benchmarks.http_client", "bare", "asyncio", "http://127.0.0.1:1", "10", seconds=20)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(child.ChildFailed, match=r"http_client bare: not done within 1 s"):
            await child.ask("benchmarks.http_client", "bare", "asyncio", url, "10", seconds=1)


# what `make bench` sets up


@pytest.mark.redis
async def test_a_redis_with_its_append_only_file_is_measured_with_one_fsync_a_second() -> None:
    with redis_server(appendonly=True) as server:
        for starts in (1, 2):
            async with redis.asyncio.from_url(server.url, decode_responses=True) as client:
                wanted = {"appendonly": "yes", "appendfsync": "everysec", "save": ""}
                assert {key: (await client.config_get(key))[key] for key in wanted} == wanted
                assert await client.incr("starts") == starts
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)


def test_the_peers_are_pinned_with_hashes_on_top_of_what_the_service_runs_with() -> None:
    run, dev, bench = pins("run"), pins("dev"), pins("bench")
    wanted = {try_imports.canonical(line) for line in PROJECT["project"]["optional-dependencies"]["bench"]}
    assert wanted == {"saq", "taskiq", "taskiq-redis"}
    assert wanted <= bench.keys()
    assert run.items() <= bench.items()
    assert {name: bench[name] for name in dev.keys() & bench.keys()} == {
        name: dev[name] for name in dev.keys() & bench.keys()
    }
    assert [name for name, (_, hashes) in bench.items() if not hashes] == []
    assert not wanted & dev.keys(), "tests and checks do without the peers"


def test_make_bench_sets_up_the_peers_and_the_servers() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "bench"],
        cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "BENCH": "--only raw"},
    ).stdout  # fmt: skip
    wanted = [
        "scripts/setup.sh dev",
        "scripts/setup.sh bench",
        "system_packages.sh services",
        "-m benchmarks --only raw",
    ]
    places = [done.index(step) for step in wanted]
    assert places == sorted(places)
