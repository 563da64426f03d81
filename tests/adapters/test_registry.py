"""The registry: every adapter is found, and none is imported before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from distributor.adapters import registry
from distributor.adapters.email import EmailSettings
from distributor.adapters.newsroom import Newsroom, NewsroomSettings
from tests.adapters.support import Desk


def test_the_channels_are_named() -> None:
    assert registry.names() == ("telegram", "x", "facebook", "email", "newsroom", "wordpress", "webhook")


@pytest.mark.parametrize("adapter", registry.names())
def test_every_settings_model_refuses_unknown_keys(adapter: str) -> None:
    model = registry.settings_model(adapter)
    assert issubclass(model, BaseModel)
    assert model.model_config.get("extra") == "forbid"


def test_a_channel_is_built_with_its_own_name(tmp_path: Path) -> None:
    around = Desk.at(tmp_path).surroundings
    channel = registry.build("newsroom", "site", NewsroomSettings(), around)
    assert isinstance(channel, Newsroom)
    assert channel.name == "site"


def test_settings_of_another_adapter_are_refused(tmp_path: Path) -> None:
    around = Desk.at(tmp_path).surroundings
    with pytest.raises(TypeError, match="wants EmailSettings, not NewsroomSettings"):
        registry.build("email", "list", NewsroomSettings(), around)


def test_an_unknown_adapter_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(
        ValueError, match="no adapter 'fax'; there are telegram, x, facebook, email, newsroom, wordpress, webhook"
    ):
        registry.settings_model("fax")


def test_no_platform_library_is_imported_before_its_channel_is_asked_for() -> None:
    program = (
        "import sys\n"
        "from distributor.adapters import registry\n"
        "heavy = {'telegram', 'tweepy', 'facebook', 'aiosmtplib', 'dkim', 'nh3'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "registry.settings_model('email')\n"
        "assert {'aiosmtplib', 'dkim'} <= set(sys.modules)\n"
        "assert not {'telegram', 'tweepy', 'facebook'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_email_settings_are_the_registered_ones() -> None:
    assert registry.settings_model("email") is EmailSettings
