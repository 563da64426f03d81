"""What stands around a release in a mail: that it corrects, withdraws or holds one, an embargo; and the short mails.

Pure. A box at the top and a label in the subject say it before a word of the release does. The embargo's box and label
are kept a second time as fields, so that a mail whose approval came after the embargo's end can go without them; those
of a correction too, for who never had the first version gets the new one, which corrects nothing. All forms are part
of what was approved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from distributor.adapters.email_notices import ACKNOWLEDGE, FIRST, KINDS, NoticeWords, notice_words, when, zone_of
from distributor.adapters.email_words import Words, words
from distributor.core.asset import MediaKind
from distributor.core.channel import Source
from distributor.core.release import Action, Status

SHORT = frozenset({Action.WITHDRAW, Action.HOLD, Action.LIFT})
"""What is told without the release's text."""

_STYLE = "<style>.box{border:2px solid #b3261e;padding:4px 16px;margin:0 0 20px}.ack{font-weight:600}</style>"
_RULE = "*" * 40


@dataclass(frozen=True, slots=True)
class Box:
    """A label and what it says, above everything else. No label: there is no box."""

    label: str = ""
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As plain text, with the empty line after it."""
        return "\n".join([_RULE, self.label, *self.lines, _RULE, "", ""]) if self.label else ""

    @property
    def html(self) -> str:
        """As HTML, in a line of its own."""
        said = "".join(f"<p>{escape(line)}</p>" for line in self.lines)
        return f'<div class="box"><p><strong>{escape(self.label)}</strong></p>{said}</div>\n' if self.label else ""


@dataclass(frozen=True, slots=True)
class Frame:
    """`title` heads the text, `subject` the mail. `fields` are the part's that do not depend on the text."""

    kind: str
    title: str
    subject: str
    notice: Box
    embargo: Box
    acknowledge: str  # the words of the link, '' where there is none
    fields: dict[str, str]

    @property
    def style(self) -> str:
        """Of the boxes; nothing for a mail without."""
        return _STYLE if self.notice.label or self.embargo.label else ""

    @property
    def top_text(self) -> str:
        """The boxes as text."""
        return self.notice.text + self.embargo.text

    @property
    def top_html(self) -> str:
        """The boxes as HTML."""
        return self.notice.html + self.embargo.html

    @property
    def asks_text(self) -> str:
        """The reader's own link to say that this was read, as text."""
        return asks_text(self.acknowledge)

    @property
    def asks_html(self) -> str:
        """The same as HTML."""
        return asks_html(self.acknowledge)


def frame(source: Source, language: str, title: str, time_zone: str) -> Frame:
    """What stands around the text of a revision in a language."""
    said, action = notice_words(language), source.revision.action
    w = words(language)
    mark = {Status.EXERCISE: f"[{w.exercise}] ", Status.TEST: f"[{w.test}] "}.get(source.revision.status, "")
    notice = _notice(source, language, said, w)
    label = f"{notice.label}: " if notice.label else ""
    embargo = _embargo(source, language, time_zone)
    free = f"{mark}{label}{title}"
    subject = f"{mark}{label}{embargo.label}: {title}" if embargo.label else free
    fields = {"subject": subject, "kind": source.revision.kind.value, "not_before": _not_before(source)}
    if source.revision.embargo is not None:
        waits = action not in (Action.WITHDRAW, Action.HOLD)
        at = source.revision.at.isoformat() if source.revision.at and waits else ""
        fields |= {"embargo": source.revision.embargo.isoformat(), "scheduled": at, "free_subject": free}
        fields |= {"embargo_text": embargo.text, "embargo_html": embargo.html}
    asks = said.acknowledge if action in (Action.CORRECT, Action.WITHDRAW, Action.HOLD) else ""
    if action in (Action.WITHDRAW, Action.LIFT):
        fields |= {"first_text": f"{_first_text(said)}\n\n", "first_html": _first_html(said)}
    if action is Action.CORRECT:
        fields |= {"notice_label": label, "notice_text": notice.text, "notice_html": notice.html, "asks": asks}
    return Frame(KINDS[action], mark + title, subject, notice, embargo, asks, fields)


def _not_before(source: Source) -> str:
    """The earliest time at which it may go out, ISO 8601; empty where approval alone decides. Dates the mail. A
    withdrawal and a hold wait for nothing."""
    if source.revision.action in (Action.WITHDRAW, Action.HOLD):
        return ""
    times = [time for time in (source.revision.at, source.revision.embargo) if time is not None]
    return max(times).isoformat() if times else ""


def _notice(source: Source, language: str, said: NoticeWords, w: Words) -> Box:
    notice = source.revision.notice
    if notice is None or notice.action not in said.said:
        return Box()
    own = said.said[notice.action]
    lines = [own.tells, notice.words.get(language, ""), _gone(source, said, w)]
    return Box(own.label, tuple(line for line in lines if line))


def _gone(source: Source, said: NoticeWords, w: Words) -> str:
    """Which photos and videos must disappear, by the numbers that the earlier mail gave them: their captions may be
    the very reason."""
    notice, before = source.revision.notice, source.before
    if notice is None or not notice.withdrawn:
        return ""
    media = before.media if before else ()
    names = [
        f"{w.video if item.asset.kind is MediaKind.VIDEO else w.photo} {number}"
        for number, item in enumerate(media, 1)
        if item.asset.digest in notice.withdrawn
    ]
    return said.gone.format(what=", ".join(names) or w.media)


def _embargo(source: Source, language: str, time_zone: str) -> Box:
    """In the mail's language, in Georgian and in English: who cannot read the text must not miss it."""
    moment = source.revision.embargo
    if moment is None:
        return Box()
    zone = zone_of(moment, time_zone)
    until, *others = dict.fromkeys((language, "ka", "en"))
    lines = [notice_words(until).closed.format(time=when(moment, until, time_zone), zone=zone)]
    for other in others:
        said, time = notice_words(other), when(moment, other, time_zone)
        lines.append(f"{said.until.format(time=time)}. {said.closed.format(time=time, zone=zone)}")
    label = notice_words(until).until.format(time=when(moment, until, time_zone))
    return Box(label, tuple(dict.fromkeys(lines)))


def short_text(source: Source, around: Frame, language: str) -> Iterator[str]:
    """The blocks of a mail that tells without the text: title, time of the first version, the reader's link."""
    yield around.title
    yield _first_text(notice_words(language))
    if source.revision.action is Action.LIFT:
        yield f"{words(language).read}: {source.permanent_url}"
    if around.acknowledge:
        yield around.asks_text


def short_html(source: Source, around: Frame, language: str) -> str:
    """The same as HTML, between the boxes and the foot."""
    link = escape(source.permanent_url)
    read = f'<p><a href="{link}">{escape(words(language).read)}</a></p>\n'
    return (
        f"<h1>{escape(around.title)}</h1>\n{_first_html(notice_words(language))}"
        f"{read if source.revision.action is Action.LIFT else ''}{around.asks_html}"
    )


def _first_text(said: NoticeWords) -> str:
    return f"{said.first}: {FIRST}"


def _first_html(said: NoticeWords) -> str:
    return f"<p>{escape(said.first)}: {FIRST}</p>\n"


def asks_text(words: str) -> str:
    """The line with the reader's own link that says: I have read this; '' where nobody asks."""
    return f"{words}: {ACKNOWLEDGE}" if words else ""


def asks_html(words: str) -> str:
    """The same as HTML."""
    return f'<p class="ack"><a href="{ACKNOWLEDGE}">{escape(words)}</a></p>\n' if words else ""
