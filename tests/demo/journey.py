"""The journey of a new user in a real browser, from the desk's chat in the sandbox's page: approve, correct one word,
withdraw one photo, withdraw the whole, run an exercise.

May touch: a browser and the demo's stage; with a folder, it writes a picture of the page after each step.
`python -m tests.demo.journey FOLDER` makes the pictures of docs/screenshots.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Locator, Page, async_playwright, expect

from distributor.demo.samples import FLOOD, samples
from distributor.demo.stage import ADMINISTRATOR, Stage
from distributor.locale import texts
from tests.services import find_chromium

WORDS = texts("ka")
PATIENCE = 20_000  # milliseconds for one step, on a busy machine
SIZE = (1700, 1500)


class Journey:
    """Nino writes; Giorgi and Tamar decide. Every step ends when the page shows what it came to."""

    def __init__(self, page: Page, folder: Path | None = None) -> None:
        self.page = page
        self._folder = folder
        self._taken = 0

    async def shot(self, name: str) -> None:
        """A picture of the whole page, where a folder wants one."""
        if self._folder is not None:
            self._taken += 1
            await self.page.wait_for_timeout(700)  # pictures that the page has just been given
            await self.page.screenshot(path=self._folder / f"after-{self._taken}-{name}.png")

    async def choose(self, section: str, name: str) -> None:
        """Who writes in the private chat, or who looks at the desk."""
        await self.page.locator(f"#{section}-head .tabs a", has_text=name).click()
        await self.page.locator(f"#{section}-head .tabs a[aria-current=true]", has_text=name).wait_for()

    def message(self, chat: str, label: str, words: str = "") -> Locator:
        """The newest message of a chat with a button of this label (and these words)."""
        found = self.page.locator(f"#{chat}-chat .message", has=self.page.get_by_role("button", name=label))
        return (found.filter(has_text=words) if words else found).last

    async def press(self, chat: str, label: str, words: str = "") -> None:
        """Press it."""
        message = self.message(chat, label, words)
        await message.wait_for()
        await message.get_by_role("button", name=label).first.click()

    async def write(self, chat: str, text: str) -> None:
        """Write a message and send it."""
        await self.page.locator(f"#{chat}-compose textarea").fill(text)
        await self.page.locator(f"#{chat}-compose button.send").click()

    async def asked(self, msgid: str) -> None:
        """The bot asks in private: its question is the newest message. An older one of the same words is none, and
        what is written before the bot asks begins a draft."""
        beginning = WORDS.get(msgid, title="|", language="|").split("|")[0].split("(")[0][:40].strip()
        await expect(self.page.locator("#private-chat .bubble").last).to_contain_text(beginning, timeout=PATIENCE)

    async def approve(self) -> None:
        """Nino sends the first sample and submits; Giorgi approves at the desk; every platform shows it."""
        await self.page.locator(".samples button").first.click()
        await self.press("private", WORDS.get("bot.button.submit"))
        await self.press("desk", WORDS.get("decision.approve"))
        await self.message("desk", WORDS.get("bot.button.after.correct")).wait_for()
        await self.page.locator("#x-feed article").first.wait_for()
        await self.page.locator("#facebook-feed article").first.wait_for()
        await self.page.locator("#mail-list a").nth(2).wait_for()
        await self.page.locator("#channel-chat .message").first.wait_for()
        await self.shot("approved")

    async def correct(self, wrong: str, right: str, why: str) -> None:
        """Giorgi corrects a word from the desk's chat; Tamar approves."""
        await self._first()
        await self.press("desk", WORDS.get("bot.button.after.correct"))
        await self.press("private", WORDS.get("bot.button.after.fix"))
        await self.asked("bot.after.ask.fix")
        await self.write("private", f"{wrong} → {right}")
        await self.press("private", WORDS.get("bot.button.after.words"))
        await self.asked("bot.after.ask.words")
        await self.write("private", why)
        await self.press("private", WORDS.get("bot.button.submit"))
        await self._second()

    async def withdraw(self, reason: str, *, photo: bool = False) -> None:
        """Giorgi has a photo, or the whole, withdrawn; Tamar approves."""
        await self._first()
        await self.press("desk", WORDS.get(f"bot.button.after.{'photos' if photo else 'withdraw'}"))
        if photo:
            await self.press("private", "✕ 2.")
        await self.asked("bot.after.ask.reason")
        await self.write("private", reason)
        await self.asked("bot.after.ask.told")
        await self.press("private", WORDS.get("bot.button.after.nowords"))
        await self._second()

    async def exercise(self, place: str, region: str) -> None:
        """Giorgi fills an emergency template in as an exercise, and sends it with a second press."""
        await self.choose("private", "გიორგი")
        await self.write("private", "/emergency")
        await self.press("private", "წყალდიდობა: {place}")
        await self.press("private", WORDS.get("status.exercise"))
        await self.shows("#private-chat", "სად?")
        await self.write("private", place)
        await self.press("private", region)
        await self.press("private", WORDS.get("bot.button.chosen"))
        await self.shows("#private-chat", "როდემდე?")
        await self.write("private", "+5h")
        await self.press("private", WORDS.get("bot.button.send_now"))
        await self.press("private", WORDS.get("bot.button.send_sure"))

    async def _first(self) -> None:
        for section in ("private", "desk"):
            await self.choose(section, "გიორგი")

    async def _second(self) -> None:
        await self.choose("desk", "თამარ")
        await self.press("desk", WORDS.get("decision.approve"))

    async def shows(self, section: str, words: str) -> None:
        """Wait until a part of the page holds these words."""
        await self.page.locator(section, has_text=words).first.wait_for()

    async def gone(self, selector: str) -> None:
        """Wait until nothing of the kind stands there any more."""
        await self.count(selector, 0)

    async def count(self, selector: str, number: int) -> None:
        """Wait until there are so many of a kind."""
        await expect(self.page.locator(selector)).to_have_count(number, timeout=PATIENCE)


@asynccontextmanager
async def journey(stage: Stage, folder: Path | None = None) -> AsyncIterator[Journey]:
    """A browser at the stage's sandbox page, as `distributor demo` opens it."""
    await stage.approve_template(FLOOD)
    stage.sandbox.page.samples = await asyncio.to_thread(samples)
    console = await stage.parts.office.signin.link(stage.people[ADMINISTRATOR])
    stage.sandbox.page.links = [("Newsroom", stage.service.url), ("Delivery log", console)]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        width, height = SIZE
        page = await browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        await page.goto(stage.sandbox.http_url)
        yield Journey(page, folder)
        await browser.close()


async def walk(one: Journey) -> None:
    """The whole way, in order."""
    await one.approve()
    await one.correct("ორი ტურისტი", "სამი ტურისტი", "ტურისტი სამი იყო")
    await one.shows("#channel-chat", "სამი ტურისტი")
    await one.shows("#facebook-feed", "სამი ტურისტი")
    await one.shows("#x-feed", "სამი ტურისტი")
    await one.shows("#mail-count", "6")
    await one.shot("corrected")
    await one.count("#channel-chat .media img", 3)
    await one.withdraw("მეორე ფოტოზე დაზარალებული ჩანს", photo=True)
    await one.count("#channel-chat .media img", 2)
    await one.shows("#mail-count", "9")
    await one.shot("photo-withdrawn")
    await one.withdraw("ცნობა მცდარი აღმოჩნდა")
    await one.gone("#channel-chat .message")
    await one.gone("#x-feed article")
    await one.gone("#facebook-feed article")
    await one.shows("#mail-count", "12")
    await one.shot("withdrawn")
    await one.exercise("გორი", "შიდა ქართლი")
    for section in ("#channel-chat", "#x-feed", "#facebook-feed", "#mail-list"):
        await one.shows(section, "გორი")
    await one.shows("#channel-chat", "სწავლება")
    await one.shot("exercise")


async def main(folder: Path) -> None:
    """Walk it, and write the pictures."""
    with TemporaryDirectory() as where:
        stage = Stage(Path(where))
        await stage.start()
        try:
            async with journey(stage, folder) as one:
                await walk(one)
        finally:
            await stage.stop()


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(pictures))
