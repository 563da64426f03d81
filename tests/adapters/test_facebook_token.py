"""What the probe of a Facebook page says about its token: when it ends, what it may not do, who may ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from distributor.adapters.facebook import Facebook
from distributor.core.channel import Expiring
from distributor.sandbox import Sandbox
from distributor.sandbox.facebook_token import APP_ID

Open = Callable[..., Facebook]
DAY = 86_400


async def test_the_probe_tells_which_end_comes_first(open_page: Open, sandbox: Sandbox) -> None:
    page, token, now = open_page(), sandbox.facebook.token, int(time.time())
    health = await page.probe()
    assert (health.ok, health.problems) == (True, ())
    assert health.expires == datetime.fromtimestamp(token.data_access_expires_at, UTC)
    assert health.expiring is Expiring.ACCESS
    assert health.facts["token_expires"] == "never"
    token.expires_at = now + 5 * DAY
    health = await page.probe()
    assert (health.expires, health.expiring) == (datetime.fromtimestamp(token.expires_at, UTC), Expiring.TOKEN)
    token.expires_at = token.data_access_expires_at = 0
    assert (await page.probe()).expires is None


async def test_the_token_travels_in_the_body_and_never_in_an_address(open_page: Open, sandbox: Sandbox) -> None:
    await open_page().probe()
    assert sandbox.calls("facebook", "token.debug") == 1
    assert sandbox.facebook.leaks == []


async def test_a_missing_permission_is_named(open_page: Open, sandbox: Sandbox) -> None:
    sandbox.facebook.token.scopes = ["pages_show_list", "pages_read_engagement"]
    health = await open_page().probe()
    assert (health.ok, health.problems) == (False, ("the token lacks the permission pages_manage_posts",))
    sandbox.facebook.views.about |= {"can_post": False}
    health = await open_page().probe()
    assert "\n".join(health.problems).count("pages_manage_posts") == 1, "the same lack is said once"


async def test_an_ended_token_is_named(open_page: Open, sandbox: Sandbox) -> None:
    sandbox.facebook.token.expires_at = int(time.time()) - 1
    health = await open_page().probe()
    assert not health.ok
    assert "the token has expired" in health.problems[0]


async def test_where_facebook_does_not_tell_the_probe_says_so_and_goes_on(open_page: Open, sandbox: Sandbox) -> None:
    sandbox.facebook.token.developer = False
    health = await open_page().probe()
    assert (health.ok, health.expires) == (True, None)
    (problem,) = health.problems
    assert "does not tell when the token ends" in problem
    assert "app_id" in problem
    assert "token_expires" in problem
    sandbox.faults.order("facebook", "token.debug", "html")
    health = await open_page().probe()
    assert (health.ok, len(health.problems)) == (True, 1)


async def test_the_app_itself_may_ask(open_page: Open, sandbox: Sandbox) -> None:
    sandbox.facebook.token.developer = False
    page = open_page(app_id=APP_ID)
    health = await page.probe()
    assert (health.ok, health.problems) == (True, ())
    assert health.expires is not None
    wrong = await open_page(app_id="1").probe()
    assert (wrong.ok, wrong.expires) == (True, None)
    assert "does not tell when the token ends" in wrong.problems[0]


async def test_another_pages_token_and_what_nobody_understands(open_page: Open, sandbox: Sandbox) -> None:
    strange = {"data": {"is_valid": False, "error": {"message": "The session is invalid"}, "expires_at": "soon"}}
    sandbox.faults.order("facebook", "token.debug", "error", status=200, body=strange)
    health = await open_page().probe()
    assert not health.ok
    assert health.problems == ("Facebook no longer takes the token: The session is invalid",)
    bodies: tuple[dict[str, object], ...] = (
        {},
        {"data": []},
        {"data": {"is_valid": True, "expires_at": 10**30, "scopes": "all"}},
    )
    for body in bodies:
        sandbox.faults.order("facebook", "token.debug", "error", status=200, body=body)
        assert (await open_page().probe()).expires is None


def test_an_app_id_wants_the_apps_secret(open_page: Open) -> None:
    with pytest.raises(ValueError, match="app_id wants app_secret"):
        open_page(app_id=APP_ID, app_secret=None)
