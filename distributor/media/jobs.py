"""The jobs that a bench can do, by name. Runs in a confined child only; imports every decoder beforehand.

Touches the paths named in the job. A job and its result are plain JSON, so that nothing from a child that
met a hostile file is ever unpickled.
"""

from __future__ import annotations

import os
from typing import Any

from PIL import GifImagePlugin, ImageCms, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin

from distributor.core.asset import MediaKind, MediaRefused, Profile
from distributor.media.film import render_film
from distributor.media.photo import render_photo
from distributor.media.probe import probe
from distributor.media.video import render_poster

# Loaded in the bench, so that a child needs to open no file for them.
DECODERS = (GifImagePlugin, ImageCms, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)


def perform(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job: `probe` (path, allowed) or `render` (path, kind, media_type, out, profile)."""
    os.nice(5)  # deliveries and pages go before pictures
    if job["do"] == "probe":
        return probe(job["path"], job["allowed"])
    profile = Profile(**job["profile"] | {"kind": MediaKind(job["profile"]["kind"])})
    return render(job["path"], MediaKind(job["kind"]), job["media_type"], job["out"], profile)


def render(path: str, kind: MediaKind, media_type: str, out: str, profile: Profile) -> dict[str, Any]:
    """Make a rendition: photo of a photo, video of a video, or the poster frame of a video."""
    duration: float | None = None
    if profile.kind is MediaKind.VIDEO:
        if kind is MediaKind.PHOTO:
            raise MediaRefused("kind")
        width, height, duration = render_film(path, media_type, out, profile)
    elif kind is MediaKind.VIDEO:
        width, height = render_poster(path, media_type, out, profile)
    else:
        width, height = render_photo(path, media_type, out, profile)
    return {"media_type": profile.media_type, "width": width, "height": height, "duration": duration}
