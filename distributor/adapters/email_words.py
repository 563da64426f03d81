"""The few words that a mail needs beside the release's own, by language.

Pure data. They stand here and not in the catalogues of the interface because they are part of what is approved: a
mail's rendering must not change with the language of the person who looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """`why` takes {office}. `exercise` and `test` stand before the title of what is not the real thing."""

    photo: str
    video: str
    credit: str
    media: str
    download: str
    read: str
    why: str
    unsubscribe: str
    exercise: str
    test: str


_ENGLISH = Words(
    photo="Photo",
    video="Video",
    credit="Credit",
    media="Photos and video",
    download="Download",
    read="Read on the website",
    why="You receive this mail because you subscribed to the releases of {office}.",
    unsubscribe="Unsubscribe",
    exercise="EXERCISE",
    test="TEST",
)

_WORDS = {
    "en": _ENGLISH,
    "ka": Words(
        photo="ფოტო",
        video="ვიდეო",
        credit="ავტორი",
        media="ფოტო და ვიდეო",
        download="ჩამოტვირთვა",
        read="წაიკითხეთ ვებგვერდზე",
        why="ამ წერილს იღებთ, რადგან გამოწერილი გაქვთ ინფორმაცია: {office}.",
        unsubscribe="გამოწერის გაუქმება",
        exercise="სწავლება",
        test="ტესტი",
    ),
    "ru": Words(
        photo="Фото",
        video="Видео",
        credit="Автор",
        media="Фото и видео",
        download="Скачать",
        read="Читать на сайте",
        why="Вы получили это письмо, потому что подписаны на сообщения: {office}.",
        unsubscribe="Отписаться",
        exercise="УЧЕНИЯ",
        test="ТЕСТ",
    ),
}


def words(language: str) -> Words:
    """The words in a language; in English where there are none."""
    return _WORDS.get(language, _ENGLISH)
