"""The picture that says nothing: it takes the place of one that had to go and that Telegram lets nobody delete.

Pure. Without words, so that it serves every language; what is to be said stands in the caption.
"""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw

_SIZE = (1280, 720)
_GROUND, _LINE = (222, 225, 230), (150, 156, 166)
_WIDTH = 14


@lru_cache(maxsize=1)
def blank() -> bytes:
    """A grey picture of a picture that is crossed out, JPEG."""
    image = Image.new("RGB", _SIZE, _GROUND)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = 460, 220, 820, 500
    draw.rounded_rectangle((left, top, right, bottom), radius=28, outline=_LINE, width=_WIDTH)
    draw.ellipse((left + 60, top + 55, left + 120, top + 115), fill=_LINE)
    hills = [(left + 50, bottom - 50), (left + 150, bottom - 140), (left + 220, bottom - 80)]
    draw.line([*hills, (left + 260, bottom - 150), (right - 50, bottom - 50)], fill=_LINE, width=_WIDTH)
    draw.line([(left - 60, bottom + 60), (right + 60, top - 60)], fill=_LINE, width=_WIDTH)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=85)
    return target.getvalue()
