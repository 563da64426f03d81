"""The catalogues' order: every entry once, sorted by its id, one line each, so that two people's additions merge.

May touch: the .po files beside it, when asked to. Changes no wording. `python -m distributor.locale` puts all in order.
"""

from __future__ import annotations

from babel.messages.catalog import Catalog, Message

from distributor.locale import LANGUAGES, catalogue_path, read_catalogue

_HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals};\\n"
"""


def ordered(language: str) -> str:
    """The catalogue of a language as it must stand in its file."""
    catalogue = read_catalogue(language)
    parts = [_HEADER.format(language=language, plurals=plural_forms(catalogue))]
    entries = {_key(message): message for message in catalogue if message.id}
    parts += [_entry(entries[key]) for key in sorted(entries)]
    return "\n".join(parts)


def arrange() -> None:
    """Write every catalogue in its order."""
    for language in LANGUAGES:
        catalogue_path(language).write_text(ordered(language), "utf-8")


def plural_forms(catalogue: Catalog) -> str:
    """How the language counts, as gettext writes it."""
    return f"nplurals={catalogue.num_plurals}; plural={catalogue.plural_expr}"


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _entry(message: Message) -> str:
    lines = [f"# {line}" for line in message.user_comments]
    if isinstance(message.id, str):
        return "\n".join([*lines, f"msgid {_quoted(message.id)}", f"msgstr {_quoted(str(message.string))}", ""])
    singular, plural = message.id
    lines += [f"msgid {_quoted(singular)}", f"msgid_plural {_quoted(plural)}"]
    return "\n".join([*lines, *(f"msgstr[{n}] {_quoted(text)}" for n, text in enumerate(message.string or ())), ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
