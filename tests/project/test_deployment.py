"""How the service is run: image, compose file, systemd units.

There is no Docker engine in a test, so these are read, and held against the settings, commands and paths that
the rest of the project promises.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import SecretStr

from distributor.config.sections import QueueSection

ROOT = Path(__file__).resolve().parents[2]

# The contract of the settings: section → keys. `channels` and what an adapter adds are open.
SETTINGS = {
    "OFFICE": {"NAME", "BASE_URL", "TIME_ZONE", "LANGUAGES"},
    "STORAGE": {"URL", "MEDIA"},
    "QUEUE": {"URL"},
    "WEB": {"LISTEN"},
    "TELEGRAM": {"TOKEN", "API_URL", "DESK_CHAT"},
    "AUDIT": {"KEY"},  # audit.key_file is a setting of its own: a file that is made, not a secret that is read
}
ROLES = {"serve", "bot", "worker", "web"}


def check_setting(name: str) -> None:
    """Is it an environment name of the contract, `DISTRIBUTOR__SECTION__KEY`, with `_FILE` for a secret's file?"""
    _, section, key = name.split("__", 2)
    if section != "CHANNELS":
        assert key.removesuffix("_FILE") in SETTINGS[section], f"no such setting: {name}"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def image() -> list[tuple[str, str]]:
    """Instructions of the last stage, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    instructions = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]
    last = max(i for i, (word, _) in enumerate(instructions) if word == "FROM")
    assert last > 1, "not multi-stage"
    return instructions[last:]


def of(image: list[tuple[str, str]], instruction: str) -> str:
    return " ".join(rest for word, rest in image if word == instruction)


def test_the_image_runs_serve_without_rights_and_asks_its_readiness(image: list[tuple[str, str]]) -> None:
    assert json.loads(of(image, "ENTRYPOINT")) == ["distributor"]
    assert json.loads(of(image, "CMD")) == ["serve"]
    assert not of(image, "USER").startswith(("0", "root"))
    assert "PYTHONSAFEPATH=1" in of(image, "ENV")
    health = of(image, "HEALTHCHECK")
    command = json.loads(health.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    assert "/readyz" in command[2]
    compile(command[2], "healthcheck", "exec")
    assert "pip" not in of(image, "RUN")


def test_the_image_is_built_from_hashed_requirements_only() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    installs = [
        line for line in re.split("&&|\nRUN", re.sub(r"\\\n", " ", text)) if re.search(r"pip.* (install|wheel) ", line)
    ]
    assert len(installs) == 4
    for line in installs:
        assert "--require-hashes" in line or "--no-deps" in line


def test_the_images_settings_exist_and_point_into_its_volume(image: list[tuple[str, str]]) -> None:
    names = dict(re.findall(r"(DISTRIBUTOR__\w+)=(\S+)", of(image, "ENV")))
    for name in names:
        check_setting(name)
    assert names["DISTRIBUTOR__STORAGE__URL"].startswith(f"sqlite:///{of(image, 'VOLUME')}/")
    assert names["DISTRIBUTOR__STORAGE__MEDIA"].startswith(of(image, "VOLUME") + "/")
    assert names["DISTRIBUTOR__AUDIT__KEY_FILE"].startswith(of(image, "VOLUME") + "/")
    assert names["DISTRIBUTOR__WEB__LISTEN"].endswith(":" + of(image, "EXPOSE"))


def test_what_the_image_copies_reaches_the_builder() -> None:
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert {word for words in copied for word in words.split()} <= set(allowed)


def test_every_container_is_hardened(compose: dict[str, Any]) -> None:
    assert {"distributor", "postgres", "redis"} <= compose["services"].keys()
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_compose_waits_for_health_that_is_really_checked(compose: dict[str, Any], image: list[tuple[str, str]]) -> None:
    services = compose["services"]
    for service in services.values():
        for other, wait in service.get("depends_on", {}).items():
            assert other in services
            if wait["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"]
    assert "healthcheck" not in services["distributor"], "the image's own counts"
    assert of(image, "HEALTHCHECK")


def test_the_service_shares_its_quotas_through_the_redis_beside_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    url = QueueSection(url=SecretStr(services["distributor"]["environment"]["DISTRIBUTOR__QUEUE__URL"])).url
    address = urlsplit(url.get_secret_value())
    assert address.scheme == "redis"
    assert address.hostname in services
    assert services["distributor"]["depends_on"][address.hostname] == {"condition": "service_healthy"}
    assert set(services["distributor"]["networks"]) & set(services[address.hostname]["networks"])


def test_secrets_reach_the_containers_as_files_only(compose: dict[str, Any]) -> None:
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.startswith("DISTRIBUTOR__"):
                check_setting(name)
            if name.endswith("_FILE"):
                secret = value.removeprefix("/run/secrets/")
                assert secret in compose["secrets"]
                assert secret in service["secrets"]
                assert service["environment"].get(name.removesuffix("_FILE")) is None
            else:
                assert not re.search("TOKEN|PASSWORD|SECRET", name), f"{name} as plain text"
    assert "/secrets/" in (ROOT / ".gitignore").read_text("utf-8").split()


UNITS = sorted((ROOT / "config" / "systemd").glob("*.service"))


def test_each_role_has_a_unit() -> None:
    commands = [re.findall(r"^ExecStart=\S+/distributor (.+)$", unit.read_text("utf-8"), re.M) for unit in UNITS]
    assert sorted(commands) == sorted([role] for role in ROLES)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_hardened_and_name_real_settings(unit: Path) -> None:
    text = unit.read_text("utf-8")
    options = re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)
    wanted = {
        "DynamicUser": "yes",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "StateDirectory": "distributor",
    }
    assert wanted.items() <= dict(options).items()
    assert ("CapabilityBoundingSet", "") in options
    credentials = {value.partition(":")[0] for key, value in options if key == "LoadCredential"}
    for name, value in re.findall(r"(DISTRIBUTOR__\w+)=(\S+)", "\n".join(v for k, v in options if k == "Environment")):
        check_setting(name)
        assert not value.startswith("%d/") or value.removeprefix("%d/") in credentials
        assert value.startswith(("%d/", "/var/lib/distributor/", "sqlite:////var/lib/distributor/"))
