"""The newsroom's own sentences for what follows a publication, by language.

Pure data. They stand here and not in the catalogues because they are part of what is approved: a rendering must not
change with the language of whoever looks at it. They are shown where the notice has no words in a language.
"""

from __future__ import annotations

from distributor.core.release import Action

_ENGLISH = {
    Action.CORRECT: "This release was corrected.",
    Action.WITHDRAW: "This release was withdrawn. Please do not use it.",
    Action.HOLD: "This release is being checked. Please do not use it until we say that it may be used again.",
    Action.LIFT: "The check is over: this release may be used.",
}

_WORDS = {
    "en": _ENGLISH,
    "ka": {
        Action.CORRECT: "ეს მასალა შესწორდა.",
        Action.WITHDRAW: "ეს მასალა გამოთხოვილია. გთხოვთ, ნუ გამოიყენებთ.",
        Action.HOLD: "ეს მასალა მოწმდება. გთხოვთ, ნუ გამოიყენებთ, სანამ ნებართვას არ გაცნობებთ.",
        Action.LIFT: "შემოწმება დასრულდა: მასალის გამოყენება შეიძლება.",
    },
    "ru": {
        Action.CORRECT: "Это сообщение исправлено.",
        Action.WITHDRAW: "Это сообщение отозвано. Пожалуйста, не используйте его.",
        Action.HOLD: "Это сообщение проверяется. Пожалуйста, не используйте его, пока мы не сообщим, что можно.",
        Action.LIFT: "Проверка окончена: сообщение можно использовать.",
    },
}


def sentence(action: Action, language: str) -> str:
    """The sentence in a language; in English where there is none."""
    return _WORDS.get(language, _ENGLISH)[action]
