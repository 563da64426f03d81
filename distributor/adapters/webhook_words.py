"""The few sentences of a webhook beside the release's own, by language. Pure data, and part of what is approved."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.core.release import Action


@dataclass(frozen=True, slots=True)
class Words:
    """`embargo` takes {time}. `exercise` and `test` stand before the title of what is not the real thing."""

    correct: str
    withdraw: str
    hold: str
    lift: str
    embargo: str
    exercise: str
    test: str

    def of(self, action: Action) -> str:
        """What is said where the office has no words of its own; nothing of a first publication."""
        said = {
            Action.CORRECT: self.correct,
            Action.WITHDRAW: self.withdraw,
            Action.HOLD: self.hold,
            Action.LIFT: self.lift,
        }
        return said.get(action, "")


_ENGLISH = Words(
    correct="This release was corrected.",
    withdraw="This release is withdrawn: do not use it, and take down what was published of it.",
    hold="We are checking this release: do not use it until you hear from us.",
    lift="This release was checked: it may be used.",
    embargo="Embargo: not for publication before {time}.",
    exercise="EXERCISE",
    test="TEST",
)

_WORDS = {
    "en": _ENGLISH,
    "ka": Words(
        correct="ეს მასალა შესწორდა.",
        withdraw="ეს მასალა გამოთხოვილია: ნუ გამოიყენებთ და წაშალეთ, რაც უკვე გამოაქვეყნეთ.",
        hold="ეს მასალა მოწმდება: ნუ გამოიყენებთ, სანამ ნებართვას არ გაცნობებთ.",
        lift="შემოწმება დასრულდა: მასალის გამოყენება შეიძლება.",
        embargo="ემბარგო: არ გამოაქვეყნოთ {time}-მდე.",
        exercise="სწავლება",
        test="ტესტი",
    ),
    "ru": Words(
        correct="Сообщение исправлено.",
        withdraw="Сообщение отозвано: не используйте его и удалите то, что уже опубликовали.",
        hold="Сообщение проверяется: не используйте его до нашего уведомления.",
        lift="Сообщение проверено: его можно использовать.",
        embargo="Эмбарго: не публиковать до {time}.",
        exercise="УЧЕНИЯ",
        test="ТЕСТ",
    ),
}


def words(language: str) -> Words:
    """The words in a language; in English where there are none."""
    return _WORDS.get(language, _ENGLISH)
