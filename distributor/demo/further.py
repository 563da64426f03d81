"""The further channels of the demo, beside those that every stage has: a WordPress site, and newsrooms' endpoints.

May touch: nothing but what a stage gives. Subscribes two endpoints, as an operator would, and gives each its key.
"""

from __future__ import annotations

from typing import Any

from distributor.office.office import Office
from distributor.sandbox import Sandbox

ENDPOINTS = (("kakheti-radio", "ka"), ("caucasus-wire", "en"))


def tables(sandbox: Sandbox) -> dict[str, Any]:
    """The channels' settings. Inner addresses are allowed: the endpoints live on this machine."""
    return {
        "wordpress": {
            "adapter": "wordpress",
            "label": "WordPress",
            "live": False,
            "api_url": sandbox.wordpress.api_url,
            "user": sandbox.accounts.wordpress_user,
            "application_password": sandbox.accounts.wordpress_password,
        },
        "webhooks": {
            "adapter": "webhook",
            "label": "Webhooks",
            "live": False,
            "secret": "the sandbox's own, it signs nothing else",
            "allow_http": True,
            "allow_private": True,
            "ports": [int(sandbox.http_url.rpartition(":")[2])],
        },
    }


async def subscribe(office: Office, sandbox: Sandbox) -> None:
    """Two newsrooms subscribe to webhooks, with the key that each verifies them with."""
    for name, language in ENDPOINTS:
        address = f"{sandbox.webhook.api_url}/{name}"
        await office.subscriptions.add("webhooks", address, None, label=name, language=language)
        sandbox.webhook.secrets[name] = await office.subscriptions.secret("webhooks", address, None)
