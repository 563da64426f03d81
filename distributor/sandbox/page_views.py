"""What the page shows: each platform's state as plain values for the templates.

Reads the simulated platforms and changes nothing. Times are shown in the office's zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from distributor.sandbox.facebook import Facebook
from distributor.sandbox.mail import Mail, MailBox
from distributor.sandbox.page_text import with_entities, with_links
from distributor.sandbox.telegram import CHANNEL, DESK, Telegram
from distributor.sandbox.telegram_world import JSON, Chat, Person
from distributor.sandbox.webhook import Webhook
from distributor.sandbox.wordpress import WordPress
from distributor.sandbox.x_server import X

SHOWN_AT_MOST = 80
TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "DKIM-Signature")


@dataclass(frozen=True)
class Choice:
    """What the visitor has chosen: whose private chat, who at the desk, which mail."""

    me: int
    desk: int
    mail: int

    def query(self, **changes: int) -> str:
        """The page's query string with changes."""
        values = {"me": self.me, "desk": self.desk, "mail": self.mail} | changes
        return "?" + "&".join(f"{name}={value}" for name, value in values.items() if value)


def initials(name: str) -> str:
    """The first letters of a name's first two words, for its round picture."""
    return "".join(word[0] for word in name.split()[:2])


class Views:
    """The values of the templates."""

    def __init__(
        self, telegram: Telegram, x: X, facebook: Facebook, mail: MailBox, webhook: Webhook, wordpress: WordPress,
        zone: str,
    ) -> None:  # fmt: skip
        self.telegram = telegram
        self.x = x
        self.facebook = facebook
        self.mail = mail
        self.webhook = webhook
        self.wordpress = wordpress
        self.zone = ZoneInfo(zone)

    def clock(self, at: datetime | int) -> str:
        """HH:MM in the office's zone."""
        moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
        return moment.astimezone(self.zone).strftime("%H:%M")

    def people(self) -> list[Person]:
        """Everyone with an account."""
        return list(self.telegram.world.people.values())

    def chat(self, chat_id: int, viewer: int) -> JSON:
        """One Telegram chat as `viewer` sees it: bubbles, an album being one bubble."""
        chat = self.telegram.chat(chat_id)
        while chat.migrated_to is not None:
            chat = self.telegram.chat(chat.migrated_to)
        bubbles: list[JSON] = []
        for message in self.telegram.messages(chat.id)[-SHOWN_AT_MOST:]:
            album = message.get("media_group_id")
            if album and bubbles and bubbles[-1]["album"] == album:
                bubbles[-1]["media"] += message["media"]
                bubbles[-1]["html"] = bubbles[-1]["html"] or self._words(message)
                continue
            bubbles.append(self._bubble(message, viewer))
        return {"id": chat.id, "title": self._title(chat), "subtitle": self._subtitle(chat), "bubbles": bubbles}

    def _title(self, chat: Chat) -> str:
        return chat.title or self.telegram.default_bot.first_name

    def _subtitle(self, chat: Chat) -> str:
        if chat.type == "private":
            return f"@{self.telegram.default_bot.username} · bot"
        people = sum(who in self.telegram.world.people for who in chat.statuses)
        return f"@{chat.username} · {people} subscribers" if chat.type == "channel" else f"{people} members"

    @staticmethod
    def _words(message: JSON) -> Any:
        if "text" in message:
            return with_entities(message["text"], message.get("entities", []))
        return with_entities(message.get("caption", ""), message.get("caption_entities", []))

    def _bubble(self, message: JSON, viewer: int) -> JSON:
        sender = message.get("from") or message["chat"]
        replied = message.get("reply_to_message", {})
        service = "the group became a supergroup" if "migrate_to_chat_id" in message else ""
        return {
            "id": message["message_id"], "chat": message["chat"]["id"], "mine": sender["id"] == viewer,
            "name": sender.get("first_name") or sender.get("title", ""), "album": message.get("media_group_id"),
            "html": self._words(message), "media": message["media"], "buttons": message["buttons"],
            "time": self.clock(message["date"]), "edited": "edit_date" in message, "service": service,
            "reply": (replied.get("text") or replied.get("caption") or "")[:80], "hue": sender["id"] % 6,
        }  # fmt: skip

    def posts(self) -> list[JSON]:
        """X's timeline."""
        return [
            {**post, "html": with_links(post["text"]), "time": self.clock(post["at"])}
            for post in self.x.timeline()[:SHOWN_AT_MOST]
        ]

    def page_posts(self) -> list[JSON]:
        """Facebook's page."""
        shown = []
        for post in self.facebook.page.standing()[:SHOWN_AT_MOST]:
            media = [{"kind": "photo", "url": f"/sandbox/media/{one.file.number}", "alt_text": one.alt_text}
                     for one in post.photos]  # fmt: skip
            if post.video is not None and post.video.file is not None:
                media.append({"kind": "video", "url": f"/sandbox/media/{post.video.file.number}", "alt_text": ""})
            shown.append({
                "id": post.id, "html": with_links(post.message), "time": self.clock(post.at), "link": post.link,
                "media": media, "edited": post.updated is not None,
                "title": post.video.title if post.video is not None else "",
            })  # fmt: skip
        return shown

    def articles(self) -> list[JSON]:
        """The posts of the WordPress site, newest first, as words: their HTML is never mixed into the page."""
        site = self.wordpress.site
        return [
            {
                "id": post.id, "title": unescape(post.title), "time": self.clock(post.at), "edited": post.edited,
                "link": f"{site.url}/{post.slug}/",
                "words": " ".join(unescape(TAG.sub(" ", post.content)).split()),
                "media": [
                    {"kind": "photo" if one.file.look.is_image else "video", "url": f"/sandbox/media/{one.file.number}",
                     "alt_text": one.alt_text}
                    for one in site.media.values()
                    if one.id == post.featured_media or f"/{one.name}" in post.content
                ],
            }
            for post in site.standing()[:SHOWN_AT_MOST]
        ]  # fmt: skip

    def events(self) -> list[JSON]:
        """The messages that endpoints took, newest first: in the first of their languages."""
        return [
            {
                "endpoint": event.endpoint, "type": event.body.get("type", ""), "time": self.clock(event.at),
                "verified": event.verified, "id": event.id, "may": data.get("pubStatus", ""),
                "said": data.get("languages", {}).get(data.get("main_language"), {}), "embargo": data.get("embargo"),
                "links": [
                    (name or url, url)
                    for name, url in [*((file.get("name"), file.get("url")) for file in data.get("media", [])),
                                      ("", data.get("url"))]
                    if str(url).startswith(("http://", "https://"))
                ],
            }
            for event in reversed(self.webhook.events[-SHOWN_AT_MOST:])
            for data in [event.body.get("data") or {}]
        ]  # fmt: skip

    def letters(self) -> list[JSON]:
        """The mailbox, newest first."""
        return [self._letter(mail) for mail in reversed(self.mail.messages[-SHOWN_AT_MOST:])]

    def _letter(self, mail: Mail) -> JSON:
        sender = self._header(mail, "From") or mail.mail_from
        return {
            "number": mail.number, "from": sender.partition("<")[0].strip(' "') or sender, "to": ", ".join(mail.rcpt),
            "subject": self._header(mail, "Subject") or "(no subject)", "time": self.clock(mail.at),
        }  # fmt: skip

    @staticmethod
    def _header(mail: Mail, name: str) -> str:
        try:
            return str(mail.message.get(name, "") or "")
        except (ValueError, IndexError, TypeError, AttributeError):  # raised by email on broken headers
            return ""

    def letter(self, number: int) -> JSON | None:
        """The opened mail (the newest when none is chosen): headers, attachments."""
        mails = {mail.number: mail for mail in self.mail.messages}
        mail = mails.get(number) or (self.mail.messages[-1] if self.mail.messages else None)
        if mail is None:
            return None
        headers = [(name, value) for name in HEADERS if (value := self._header(mail, name))]
        files = [part.get_filename() for part in mail.message.iter_attachments() if part.get_filename()]
        envelope = [("Envelope from", mail.mail_from), ("Envelope to", ", ".join(mail.rcpt))]
        security = [("Connection", "TLS" if mail.tls else "plain")]
        return self._letter(mail) | {"headers": headers + envelope + security, "files": files}

    def everything(self, choice: Choice) -> JSON:
        """All values of the page's template."""
        desk = self.people()[:3]
        return {
            "choice": choice, "people": self.people(), "desk_people": desk, "private": self.chat(choice.me, choice.me),
            "desk": self.chat(DESK, choice.desk), "channel": self.chat(CHANNEL, 0), "posts": self.posts(),
            "page_posts": self.page_posts(), "letters": self.letters(), "letter": self.letter(choice.mail),
            "events": self.events(), "articles": self.articles(),
            "x_user": self.x.user, "about": self.facebook.views.about, "initials": initials,
        }  # fmt: skip
