"""Settings from real files and environments: what is taken from where, and how mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from distributor.adapters import registry
from distributor.config import Settings, SettingsError, load

TOKEN = "123456789:AAF-canary-token-of-the-bot-0123456789"
Write = Callable[[str], Path]


class MiaSettings(BaseModel, extra="forbid"):
    """An adapter's keys, as an adapter would declare them."""

    token: SecretStr
    page: int = 1
    ca_file: Path | None = None


def read(path: Path | None, environment: dict[str, str] | None = None) -> Settings:
    return load(path, environment or {}, lambda adapter: MiaSettings, ("mia", "telegram"))


def wrong(path: Path | None, environment: dict[str, str] | None = None) -> dict[str, tuple[str, str, str]]:
    with pytest.raises(SettingsError) as caught:
        read(path, environment)
    return {fault.path: (fault.wrong, fault.right, fault.origin) for fault in caught.value.errors}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "distributor.toml"
        path.write_text(text, "utf-8")
        return path

    return to_file


def test_without_a_file_everything_has_its_default() -> None:
    settings = read(None)
    assert settings.storage.url.get_secret_value() == "sqlite:///data/distributor.db"
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 8080)
    assert settings.office.languages == ("ka", "en")
    assert not settings.channels
    assert not settings.warnings


def test_the_environment_wins_over_the_file_and_leaves_the_rest_alone(write: Write) -> None:
    path = write(f'[web]\nlisten = "10.0.0.1:1"\nsession_hours = 3\n[channels.a]\nadapter = "mia"\ntoken = "{TOKEN}"\n')
    settings = read(
        path,
        {
            "DISTRIBUTOR__WEB__LISTEN": "[::1]:9000",
            "DISTRIBUTOR__CHANNELS__A__PAGE": "7",
            "DISTRIBUTOR__CHANNELS__A__LANGUAGES": '["en", "ka"]',
            "DISTRIBUTOR__CHANNELS__A__ACCEPTS__KINDS": "news, video",
            "DISTRIBUTOR__OFFICE__TIME_ZONE": "",
            "PATH": "/bin",
        },
    )
    assert (settings.web.host, settings.web.port, settings.web.session_hours) == ("::1", 9000, 3)
    channel = settings.channels["a"]
    assert isinstance(channel.own, MiaSettings)
    assert (channel.own.page, channel.own.token.get_secret_value()) == (7, TOKEN)
    assert channel.languages == ("en", "ka")
    assert [kind.value for kind in channel.accepts.kinds] == ["news", "video"]
    assert settings.office.time_zone == "Asia/Tbilisi"  # an empty variable counts as not set


def test_lengths_of_time_and_rates_are_read_with_their_units(write: Write) -> None:
    path = write(
        '[channels.a]\nadapter = "mia"\ntoken = "0123456789"\ndeadline = "1d12h"\n'
        'rates = ["1/s", "20/min", "100/15min", "1000/day"]\n'
    )
    channel = read(path).channels["a"]
    assert channel.deadline == timedelta(hours=36)
    assert [tuple(item) for item in channel.rates] == [(1, 1.0), (20, 60.0), (100, 900.0), (1000, 86400.0)]
    assert [str(item) for item in channel.rates] == ["1/s", "20/min", "100/15min", "1000/day"]
    assert channel.languages == ("ka", "en")  # those of the office


def test_every_wrong_key_is_told_at_once_with_its_place_and_the_right_line(write: Write) -> None:
    path = write(
        '[web]\nlisten = "nowhere"\nsesion_hours = 4\n'
        "[wrker]\n"
        '[office]\nlanguages = ["ka", "ka"]\ntime_zone = "Asia/Tiflis"\n'
        '[channels.a]\nadapter = "mia"\npge = 3\ndeadline = 24\nrates = ["1/fortnight"]\n'
        '[channels.b]\nadapter = "telegran"\n'
        '[channels.Big]\nadapter = "mia"\n'
    )
    found = wrong(path, {"DISTRIBUTOR__LOG__LEVEL": "loud"})
    assert found["web.listen"][2] == f"{path}:2"
    assert found["web.listen"][1].startswith('listen = "127.0.0.1:8080"')
    assert "did you mean 'session_hours'?" in found["web.sesion_hours"][0]
    assert found["web.sesion_hours"][1].startswith("session_hours = 12")
    assert "did you mean 'worker'?" in found["wrker"][0]
    assert "twice" in found["office.languages"][0]
    assert "Asia/Tbilisi" in found["office.time_zone"][0]
    assert found["channels.a.token"][0] == "is missing"
    assert found["channels.a.token"][1].startswith('token_file = "secrets/token"')
    assert "did you mean 'page'?" in found["channels.a.pge"][0]
    assert '"24h"' in found["channels.a.deadline"][0]
    assert '"20/min"' in found["channels.a.rates.0"][0]
    assert "did you mean 'telegram'?" in found["channels.b.adapter"][0]
    assert "is not a name" in found["channels.Big"][0]
    assert found["log.level"][1].startswith("DISTRIBUTOR__LOG__LEVEL=")
    assert found["log.level"][2] == "DISTRIBUTOR__LOG__LEVEL"


def test_a_misspelt_common_key_of_a_channel_is_recognised(write: Write) -> None:
    path = write(
        f'[channels.a]\nadapter = "mia"\ntoken = "{TOKEN}"\nlanguage = ["ka"]\naccepts = {{ kind = ["news"] }}\n'
    )
    found = wrong(path)
    assert "did you mean 'languages'?" in found["channels.a.language"][0]
    assert "did you mean 'kinds'?" in found["channels.a.accepts.kind"][0]
    assert found["channels.a.accepts.kind"][1].startswith('kinds = ["news"]')


def test_a_misspelt_variable_is_told_with_the_right_variable() -> None:
    found = wrong(None, {"DISTRIBUTOR__WEB__LISTN": "x"})
    assert found["web.listn"][1].startswith('DISTRIBUTOR__WEB__LISTEN="127.0.0.1:8080"')


def test_no_error_repeats_what_was_given(write: Write) -> None:
    secret = "canary-value-that-is-secret"
    path = write(
        f'[storage]\nurl = "mysql://root:{secret}@db/x"\n[web]\nhook_secret = "{secret}!"\n'
        f'[channels.a]\nadapter = "mia"\ntoken = ["{secret}"]\npage = "{secret}"\n'
    )
    with pytest.raises(SettingsError) as caught:
        read(path, {"DISTRIBUTOR__TELEGRAM__DESK_CHAT": secret})
    assert len(caught.value.errors) == 5
    assert secret not in f"{caught.value}{caught.value!r}{caught.value.errors!r}"


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path: Path, write: Write) -> None:
    assert wrong(tmp_path / "absent.toml") == {str(tmp_path / "absent.toml"): ("does not exist", "", "")}
    broken = write("[web\n")
    assert "line 1" in wrong(broken)[str(broken)][0]


def test_a_secret_may_be_given_as_a_file(tmp_path: Path, write: Write) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n", "utf-8")
    secret.chmod(0o600)
    path = write(f'[channels.a]\nadapter = "mia"\ntoken_file = "{secret}"\nca_file = "ca.crt"\n')
    settings = read(path, {"DISTRIBUTOR__TELEGRAM__TOKEN_FILE": str(secret)})
    own = settings.channels["a"].own
    assert isinstance(own, MiaSettings)
    assert own.token.get_secret_value() == settings.telegram.token.get_secret_value() == TOKEN
    assert own.ca_file == Path("ca.crt")  # a key of its own, not the file of a secret
    assert not settings.warnings


def test_a_secret_file_that_all_may_read_or_that_is_given_beside_the_value_is_warned_of(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://office:canary-word@db/office", "utf-8")
    secret.chmod(0o644)
    settings = read(
        None,
        {
            "DISTRIBUTOR__STORAGE__URL_FILE": str(secret),
            "DISTRIBUTOR__STORAGE__URL": "sqlite:////var/lib/d.sqlite",
            "DISTRIBUTOR__QUEUE__URL": "redis://mq",
        },
    )
    assert settings.storage.url.get_secret_value().startswith("postgresql://")
    assert sorted("chmod 600" in warning for warning in settings.warnings) == [False, True]
    assert settings.secrets() == {"canary-word"}
    assert "canary-word" not in f"{settings!r}{settings.warnings}"


def test_a_secret_file_that_cannot_be_used_is_one_fault_and_not_two(tmp_path: Path, write: Write) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n", "utf-8")
    path = write(f'[channels.a]\nadapter = "mia"\ntoken_file = "{tmp_path}/absent"\n')
    found = wrong(path, {"DISTRIBUTOR__TELEGRAM__TOKEN_FILE": str(empty)})
    assert found["channels.a.token_file"][0] == "names a file that does not exist"
    assert found["channels.a.token_file"][2] == f"{path}:3"
    assert found["telegram.token_file"][0] == "names an empty file"
    assert len(found) == 2


def test_secrets_of_every_section_and_channel_are_collected(write: Write) -> None:
    path = write(
        f'[telegram]\ntoken = "{TOKEN}"\n[web]\nhook_secret = "hook-secret-0123456789"\n'
        '[storage]\nurl = "postgresql://office:pass%2Fword@db/office"\n'
        '[channels.a]\nadapter = "mia"\ntoken = "page-token"\n'
    )
    assert read(path).secrets() == {TOKEN, "hook-secret-0123456789", "pass%2Fword", "pass/word", "page-token"}


def test_a_channel_switched_off_needs_no_credentials_and_is_switched_on_by_one_variable(write: Write) -> None:
    path = write('[channels.a]\nadapter = "mia"\nenabled = false\n')
    settings = read(path)
    assert (dict(settings.channels), settings.disabled) == ({}, ("a",))
    assert set(wrong(path, {"DISTRIBUTOR__CHANNELS__A__ENABLED": "true"})) == {"channels.a.token"}


@pytest.mark.parametrize("url", ["redis://:canary-word@mq:6379/0", "rediss://mq", "unix:///run/redis.sock?db=1"])
def test_the_queue_may_be_a_redis_that_processes_share(url: str, write: Write) -> None:
    path = write(f'[queue]\nurl = "{url}"\n[storage]\nurl = "postgresql://db/office"\n')
    settings = read(path)
    assert settings.queue.shared
    assert not settings.warnings
    assert settings.secrets() == ({"canary-word"} if "canary" in url else set())
    assert "canary" not in repr(settings)


def test_a_queue_in_each_process_beside_a_shared_database_is_warned_of(write: Write) -> None:
    settings = read(write('[storage]\nurl = "postgresql://db/office"\n'))
    assert not settings.queue.shared
    (warning,) = settings.warnings
    assert "do not share quotas" in warning


def test_the_webhook_mode_needs_a_secret_and_https(write: Write) -> None:
    assert set(wrong(write('[telegram]\nmode = "webhook"\n'))) == {"web.hook_secret", "office.base_url"}


def test_the_desks_own_bot_is_refused_as_a_witness_also_by_another_token(write: Write) -> None:
    lines = "[telegram]\ntoken = '777:desk-canary'\ndesk_chat = -1\n[channels.t]\nadapter = 'telegram'\n"
    lines += "token = '778:own-canary'\nchat = '-100'\n"
    path = write(f"{lines}witness_token = '777:newer-canary'\n")
    with pytest.raises(SettingsError) as caught:
        load(path, {}, registry.settings_model, registry.names())
    (fault,) = caught.value.errors
    assert fault.path == "channels.t.witness_token"
    assert "desk's own bot" in fault.wrong
    assert "canary" not in str(caught.value)
    load(write(f"{lines}witness_token = '779:another-bot'\n"), {}, registry.settings_model, registry.names())


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('[storage]\nmedia = "s3://bucket"', "storage.media"),
        ('[storage]\nurl = "oracle://db"', "storage.url"),
        ('[queue]\nurl = "amqp://mq"', "queue.url"),
        ('[office]\nbase_url = "news.example.ge"', "office.base_url"),
        ("[office]\nname = { kat = 5 }", "office.name"),
        ("[office]\nlanguages = []", "office.languages"),
        ('[web]\ntrusted_proxies = ["everyone"]', "web.trusted_proxies.0"),
        ("[worker]\nconcurrency = 0", "worker.concurrency"),
        ("channels = 3", "channels"),
        ("[channels]\na = 3", "channels.a"),
        ("[channels.a]\nenabled = true", "channels.a.adapter"),
    ],
)
def test_a_wrong_value_is_refused_by_name(line: str, key: str, write: Write) -> None:
    assert key in wrong(write(line + "\n"))


def test_the_name_of_the_office_is_found_in_each_language(write: Write) -> None:
    office = read(write('[office]\nname = { ka = "პრესსამსახური", en = "Press office" }\n')).office
    assert (office.name_in("en"), office.name_in("ka"), office.name_in("hy")) == (
        "Press office",
        "პრესსამსახური",
        "პრესსამსახური",
    )


def test_the_real_adapters_are_asked_only_for_channels_that_are_on(write: Write) -> None:
    asked: list[str] = []

    def model(adapter: str) -> type[BaseModel]:
        asked.append(adapter)
        return registry.settings_model(adapter)

    path = write('[channels.a]\nadapter = "x"\nenabled = false\n[channels.n]\nadapter = "newsroom"\n')
    settings = load(path, {}, model, registry.names())
    assert set(asked) == {"newsroom"}
    assert settings.channels["n"].title == "n"


def test_in_a_training_installation_channels_that_are_live_stay_closed(write: Write) -> None:
    own = f'adapter = "mia"\ntoken = "{TOKEN}"\n'
    channels = f"[channels.public]\n{own}[channels.play]\n{own}live = false\n"
    training = read(write(f"[office]\nexercise = true\n{channels}"))
    assert set(training.channels) == {"play"}
    assert training.disabled == ("public",)
    assert any("channels.public is live" in warning for warning in training.warnings)
    assert set(read(write(channels)).channels) == {"public", "play"}
