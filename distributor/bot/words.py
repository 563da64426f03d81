"""The desk's sentences in one language: names, lists and lines that several cards share.

Pure but for the catalogues. Never changes the case of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from distributor import locale
from distributor.core.asset import MediaKind, MediaRefused
from distributor.core.places import Places
from distributor.core.refusal import Refused
from distributor.core.release import Revision
from distributor.core.rendering import Problem, Rendering, Severity
from distributor.core.text import cut_at_word
from distributor.office.context import Context

_PROBLEMS_SHOWN = 8
_MARKS = {Severity.BLOCKING: "⛔", Severity.WARNING: "⚠️", Severity.NOTE: "ℹ️"}


class Words:
    """Texts of a language, with the office's own names."""

    def __init__(self, context: Context, language: str) -> None:
        self._context = context
        self.texts = locale.texts(language)
        self.language = self.texts.language
        self.time_zone = context.time_zone

    def get(self, msgid: str, /, **params: object) -> str:
        """A sentence."""
        return self.texts.get(msgid, **params)

    def refusal(self, refused: Refused) -> str:
        """Why not. A code without a sentence of its own still gives a plain one."""
        if not self.texts.has(f"refused.{refused.code}"):
            return self.get("bot.refused")
        return locale.refusal_text(refused, self.language)

    def media_refused(self, refused: MediaRefused) -> str:
        """Why a file is not taken."""
        params = {name: str(value) for name, value in refused.params.items()}
        return self.problem(Problem(Severity.BLOCKING, f"media.{refused.code}", params))

    def problem(self, problem: Problem) -> str:
        """What was found."""
        found = locale.problem_text(problem, self.language)
        return self.get("bot.refused") if found.startswith("problem.") else found

    def language_name(self, code: str) -> str:
        """A language's name."""
        return locale.language_name(code, self.language)

    def channel(self, name: str) -> str:
        """How people call a channel."""
        seat = self._context.seats.get(name)
        return seat.label or name if seat else name

    def places(self, places: Places, codes: Iterable[str]) -> str:
        """Names of regions or topics."""
        return ", ".join(places.name(code, self.language) for code in codes) or "—"

    def facts(self, revision: Revision) -> list[str]:
        """Kind, regions, topics, languages, channels, media and times, one line each."""
        context = self._context
        languages = ", ".join(self.language_name(version.language) for version in revision.versions) or "—"
        lines = [
            self.get("bot.fact.kind", kind=self.get(f"kind.{revision.kind.value}")),
            self.get("bot.fact.regions", regions=self.places(context.regions, revision.regions)),
            self.get("bot.fact.topics", topics=self.places(context.topics, revision.topics)),
            self.get("bot.fact.languages", languages=languages),
        ]
        if revision.status.value != "actual":
            lines.append(self.get("bot.fact.status", status=self.get(f"status.{revision.status.value}")))
        if revision.channels:
            lines.append(self.get("bot.fact.channels", channels=", ".join(map(self.channel, revision.channels))))
        lines.append(self._media(revision))
        for name, when in (("at", revision.at), ("embargo", revision.embargo), ("deadline", revision.deadline)):
            if when is not None:
                shown = locale.moment(when, self.language, context.time_zone)
                lines.append(self.get(f"bot.fact.{name}", when=shown))
        return lines

    def _media(self, revision: Revision) -> str:
        photos = sum(item.asset.kind is MediaKind.PHOTO for item in revision.media)
        line = self.get("bot.fact.media", photos=photos, videos=len(revision.media) - photos)
        written = [version.language for version in revision.versions]
        for number, item in enumerate(revision.media, 1):
            missing = [self.language_name(code) for code in written if not item.alt.get(code)]
            if missing:
                line += "\n" + self.get("bot.fact.no_alt", number=number, languages=", ".join(missing))
            if not item.credit:
                line += "\n" + self.get("bot.fact.no_credit", number=number)
        return line

    def problems(self, found: Iterable[Problem], *, skip: frozenset[str] = frozenset()) -> list[str]:
        """What preflight found, the worst first, each sentence once with the channels that it concerns."""
        grouped: dict[tuple[Severity, str], list[str]] = {}
        for problem in found:
            if problem.code in skip or problem.override:
                continue
            names = grouped.setdefault((problem.severity, self.problem(problem)), [])
            if problem.channel:
                names.append(self.channel(problem.channel))
        lines = []
        for severity in Severity:
            mine = [(text, names) for (grade, text), names in grouped.items() if grade is severity]
            if mine:
                lines += ["", f"{_MARKS[severity]} {self.get(f'bot.severity.{severity.value}')}"]
            for text, names in mine[:_PROBLEMS_SHOWN]:
                lines.append(f"• {text}" + (f" ({', '.join(dict.fromkeys(names))})" if names else ""))
            if len(mine) > _PROBLEMS_SHOWN:
                lines.append(self.get("bot.more", count=len(mine) - _PROBLEMS_SHOWN))
        return lines

    def overridden(self, found: Iterable[Problem], names: Mapping[int, str]) -> list[str]:
        """Blocking findings that somebody answers for, each with the reason and the name: all of them, never cut."""
        mine = [problem for problem in found if problem.override]
        lines = ["", self.get("bot.overridden")] if mine else []
        for problem in mine:
            name = names.get(problem.override_by, "—")
            lines.append(
                self.get("bot.overridden_line", finding=self.problem(problem), reason=problem.override, name=name)
            )
        return lines

    def rendering_head(self, rendering: Rendering) -> str:
        """Which channel, in which language."""
        return self.get(
            "bot.preview_of", channel=self.channel(rendering.channel), language=self.language_name(rendering.language)
        )

    def rendering(self, rendering: Rendering) -> str:
        """What a channel will show, as text."""
        assets = {placed.rendition.asset for part in rendering.parts for placed in part.media}
        lines = [self.rendering_head(rendering)]
        words = []
        for part in rendering.parts:
            subject = part.fields.get("subject") or part.fields.get("title")
            if subject:
                lines.append(self.get("bot.preview_subject", subject=subject))
            words += [part.fields.get("lead", ""), part.text]
        lines.append(self.get("bot.preview_media", count=len(assets)))
        told = "\n\n".join(text for text in words if text)
        return "\n".join([*lines, "", cut_at_word(told.strip(), 3500)]).strip()
