"""A use that is refused, with a code that the caller turns into a sentence in the person's language.

Pure. `code` is stable; the sentences stand in `distributor.locale`, one for each code.
"""

from __future__ import annotations


class Refused(Exception):
    """What was asked is not allowed or not possible. Nothing was changed."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class PageHeld(Exception):
    """A hold has passed these words and stands: they wait for its end."""
