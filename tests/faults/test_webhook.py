"""Faults 31 to 33, and a webhook's whole way: addresses that lead inward, redirects, drips; the same message again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from yarl import URL

from distributor.core.approval import Decision
from distributor.core.refusal import Refused
from distributor.demo import Stage
from distributor.sandbox import Sandbox
from tests.faults.conftest import MakeStage
from tests.faults.engine import child, lane_of, seen, sound, tries, working
from tests.names import Names
from tests.queue.acts import all_in, approve, one, until, write
from tests.web import after

NOWHERE = "2e00::1"  # public by its number, and nobody's
OFF = {f"channels.{name}": None for name in ("x", "facebook", "telegram", "press", "newsroom")}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    made.install(monkeypatch)
    return made


async def open_stage(
    make: MakeStage, sandbox: Sandbox, *addresses: str, roles: frozenset[str] = frozenset({"worker"}), **changes: Any
) -> Stage:
    """A stage with a channel of webhooks and these subscribers: names of the sandbox's endpoints, or addresses."""
    own = {
        "adapter": "webhook", "live": False, "secret": "a-channel-secret-by-chance-0123456789", "allow_http": True,
        "allow_private": True, "ports": [int(sandbox.http_url.rpartition(":")[2])], "timeout": 2.0,
    }  # fmt: skip
    changed = OFF | {f"channels.hooks.{name}": value for name, value in (own | changes).items()}
    stage = await make(roles, changed, sandbox=sandbox)
    for address in addresses:
        whole = address if "://" in address else f"{sandbox.webhook.api_url}/{address}"
        await stage.parts.office.subscriptions.add("hooks", whole, None)
        name = whole.rpartition("/")[2]
        sandbox.webhook.secrets[name] = await stage.parts.office.subscriptions.secret("hooks", whole, None)
    if roles:
        lane_of(stage, "hooks")
    return stage


def at(sandbox: Sandbox, host: str, name: str) -> str:
    """The address of an endpoint of the sandbox, by another host's name."""
    return f"http://{host}:{sandbox.http_url.rpartition(':')[2]}/webhook/{name}"


async def test_f31_an_address_that_leads_inward_is_blocked_at_connect(
    make_stage: MakeStage, sandbox: Sandbox, names: Names
) -> None:
    names.answers["radio.example"] = [["127.0.0.1"]]
    stage = await open_stage(make_stage, sandbox, at(sandbox, "radio.example", "radio"), allow_private=False)
    release_id = await write(stage)
    await approve(stage, release_id)
    row = one(await until(stage, all_in("rejected"), release_id), "hooks")
    assert (row["code"], row["reason"]) == ("forbidden_address", "not called: it leads into an inner network")
    assert sandbox.calls("webhook") == 0
    with pytest.raises(Refused) as refused:  # and as a number it does not come in at all
        await stage.parts.office.subscriptions.add("hooks", at(sandbox, "127.0.0.1", "x"), None)
    assert refused.value.code == "endpoint_private"
    await sound(stage)


async def test_f31_a_name_that_changes_after_the_check_is_blocked_too(
    make_stage: MakeStage, sandbox: Sandbox, names: Names
) -> None:
    """The first answer is public, every later one leads inward. Each attempt asks once, and calls what it was told."""
    names.answers["radio.example"] = [[NOWHERE], ["127.0.0.1"]]
    address = at(sandbox, "radio.example", "radio")
    stage = await open_stage(make_stage, sandbox, address, allow_private=False, timeout=1.0)
    release_id = await write(stage)
    await approve(stage, release_id)
    row = one(await until(stage, all_in("rejected"), release_id), "hooks")
    told = [(outcome, code) for outcome, code, *_ in await tries(stage, row["id"])]
    assert told[0][0] == "deferred"
    assert told[1:] == [("rejected", "forbidden_address")]
    assert names.asked == ["radio.example"] * 2
    assert sandbox.calls("webhook") == 0
    await sound(stage)


async def test_f32_a_redirect_inward_is_a_failure_and_not_followed(make_stage: MakeStage, sandbox: Sandbox) -> None:
    stage = await open_stage(make_stage, sandbox, "radio")
    sandbox.faults.order("webhook", "deliver", "redirect", location=f"{sandbox.webhook.api_url}/inner", status=307)
    release_id = await write(stage)
    await approve(stage, release_id)
    row = one(await until(stage, all_in("sent"), release_id), "hooks")
    told = [(outcome, code) for outcome, code, *_ in await tries(stage, row["id"])]
    assert told == [("deferred", "redirected"), ("sent", "")]
    called = [call.details["endpoint"] for call in sandbox.record.calls if call.platform == "webhook"]
    assert called == ["radio", "radio"]
    await sound(stage)


@pytest.mark.parametrize(
    ("options", "code"), [({"part": "head"}, "endpoint_slow"), ({"part": "body", "status": 500}, "endpoint_failed")]
)
async def test_f33_an_endpoint_that_drips_for_ever_is_cut_off_and_holds_nobody_up(
    make_stage: MakeStage, sandbox: Sandbox, options: dict[str, Any], code: str
) -> None:
    stage = await open_stage(make_stage, sandbox, "radio", "paper", timeout=0.6)
    sandbox.faults.order("webhook", "deliver", "drip", seconds=0.05, address="radio", **options)
    release_id = await write(stage)
    begun = time.monotonic()
    await approve(stage, release_id)
    await seen(lambda: sandbox.webhook.of("paper"))
    assert not sandbox.webhook.of("radio")
    found = await until(stage, all_in("sent"), release_id)
    assert time.monotonic() - begun < 6
    (dripped,) = [row for row in found if row["address"].endswith("radio")]
    told = [(outcome, code) for outcome, code, *_ in await tries(stage, dripped["id"])]
    assert told == [("deferred", code), ("sent", "")]
    assert len(sandbox.webhook.events) == 2
    await sound(stage)


async def test_f33_an_acceptance_counts_however_its_body_drips(make_stage: MakeStage, sandbox: Sandbox) -> None:
    stage = await open_stage(make_stage, sandbox, "radio")
    sandbox.faults.order("webhook", "deliver", "drip", times=None, part="body", status=200)
    release_id = await write(stage)
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    assert sandbox.calls("webhook") == 1


async def test_killed_after_it_was_taken_the_same_message_goes_again_and_is_known(
    make_stage: MakeStage, sandbox: Sandbox
) -> None:
    stage = await open_stage(make_stage, sandbox, "radio", roles=frozenset(), timeout=30.0)
    sandbox.faults.order("webhook", "deliver", "hang", seconds=30, effect=True)
    release_id = await write(stage)
    await approve(stage, release_id)
    async with child(stage) as process:
        await seen(lambda: sandbox.webhook.events)
        process.kill()
        await process.wait()
    async with working(stage):
        await until(stage, all_in("sent"), release_id)
    assert len(sandbox.webhook.events) == 1
    assert sandbox.webhook.repeats == [sandbox.webhook.events[0].id]
    await sound(stage)


async def test_an_endpoint_that_is_gone_is_left_alone_from_then_on(make_stage: MakeStage, sandbox: Sandbox) -> None:
    stage = await open_stage(make_stage, sandbox, "radio", "paper")
    sandbox.faults.order("webhook", "deliver", "error", status=410, address="radio")
    first = await write(stage)
    await approve(stage, first)
    await until(stage, all_in("sent", "rejected"), first)
    second = await write(stage, title="მეორე")
    assert await approve(stage, second) == 1
    await until(stage, all_in("sent"), second)
    assert {row["address"].rpartition("/")[2]: row["status"] for row in await everyone(stage)} == {
        "radio": "suspended", "paper": "active",
    }  # fmt: skip
    assert [len(sandbox.webhook.of(name)) for name in ("radio", "paper")] == [0, 2]


async def everyone(stage: Stage) -> list[dict[str, Any]]:
    """The subscribers of the channel."""
    return await stage.parts.office.subscriptions.everyone("hooks")


async def test_corrected_held_lifted_and_withdrawn_each_endpoint_hears_it_in_order(
    make_stage: MakeStage, sandbox: Sandbox
) -> None:
    stage = await open_stage(make_stage, sandbox, "radio", "paper")
    release_id = await write(stage, photos=1)
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    await after.correct(stage, release_id, {"ka": "ფოტო შეიცვალა"}, media=())
    await until(stage, lambda got: len(got) == 4 and all_in("sent")(got), release_id)
    await after.decide(stage, release_id, Decision.HOLD)
    await until(stage, lambda got: len(got) == 6 and all_in("sent")(got), release_id)
    await after.decide(stage, release_id, Decision.RESUME)
    await until(stage, lambda got: len(got) == 8 and all_in("sent")(got), release_id)
    await after.withdraw(stage, release_id)
    await until(stage, lambda got: len(got) == 10 and all_in("sent")(got), release_id)
    told = ["release.published", "release.corrected", "release.held", "release.lifted", "release.withdrawn"]
    for name in ("radio", "paper"):
        bodies = sandbox.webhook.of(name)
        assert [body["type"] for body in bodies] == told
        assert [body["data"]["pubStatus"] for body in bodies] == ["usable", "usable", "withheld", "usable", "canceled"]
        assert bodies[1]["data"]["changed"] == ["media"]
        asked = [URL(body["data"]["acknowledge"]).query for body in bodies if "acknowledge" in body["data"]]
        assert len(asked) == 3
        for link in asked:
            assert await stage.parts.office.acknowledging.acknowledge(
                link["token"], link["release"], int(link["revision"])
            )
    assert all(event.verified for event in sandbox.webhook.events)
    assert len({event.id for event in sandbox.webhook.events}) == 10
    await sound(stage)


async def test_a_wait_that_an_endpoint_asks_for_holds_up_no_other(make_stage: MakeStage, sandbox: Sandbox) -> None:
    stage = await open_stage(make_stage, sandbox, "radio", "paper")
    sandbox.faults.order("webhook", "deliver", "429", retry_after=1, address="radio")
    release_id = await write(stage)
    await approve(stage, release_id)
    await seen(lambda: sandbox.webhook.of("paper"))
    assert not sandbox.webhook.of("radio")
    begun = asyncio.get_running_loop().time()
    found = await until(stage, all_in("sent"), release_id)
    assert asyncio.get_running_loop().time() - begun > 0.5
    (waited,) = [row for row in found if row["address"].endswith("radio")]
    assert waited["attempts"] <= 1
    assert await all_open(stage)


async def all_open(stage: Stage) -> bool:
    """No lane is paused for a subscriber's sake."""
    return not any(lane.paused for lane in (await stage.parts.office.operations.lanes()).values())
