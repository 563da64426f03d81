"""The journey of a new user in a real browser, from the desk's chat in the sandbox's page: approve, correct one word,
withdraw one photo, withdraw the whole, run an exercise. After each step every platform is looked at.

May touch: a browser and the demo's stage; with a folder, it writes pictures after each step.
`python -m tests.demo.journey FOLDER` makes the pictures of docs/screenshots.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.async_api import Locator, Page, async_playwright, expect

from distributor.demo.samples import FLOOD, samples
from distributor.demo.stage import ADMINISTRATOR, Stage
from distributor.locale import texts
from tests.demo.standing import (
    APPROVED,
    CORRECTED,
    EXERCISE,
    PHOTO_WITHDRAWN,
    THREE,
    TWO,
    WITHDRAWN,
    Platforms,
)
from tests.services import find_chromium

WORDS = texts("ka")
PATIENCE = 20_000  # milliseconds for one step, on a busy machine
SIZE = (1700, 2010)  # so that all cards of the sandbox's page are seen
PAGE = (1000, 760)


class Journey:
    """Nino writes; Giorgi and Tamar decide. Every step ends when the page shows what it came to."""

    def __init__(self, page: Page, folder: Path | None = None) -> None:
        self.page = page
        self._folder = folder
        self._taken = 0

    async def shot(self, name: str, newsroom: str = "") -> None:
        """A picture of the sandbox's page, and one of a newsroom's page, where a folder wants them."""
        folder = self._folder
        if folder is None:
            return
        self._taken += 1
        await self.page.locator("#toast").wait_for(state="hidden")
        await self.page.mouse.move(0, 0)
        await self.page.wait_for_timeout(700)  # pictures that the page has just been given
        _keep(await self.page.screenshot(), folder / f"after-{self._taken}-{name}.png")
        if newsroom:
            reader = await self.page.context.new_page()
            await reader.set_viewport_size({"width": PAGE[0], "height": PAGE[1]})
            await reader.goto(newsroom, wait_until="networkidle")
            _keep(await reader.screenshot(), folder / f"after-{self._taken}-newsroom.png")
            await reader.close()

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


def _keep(picture: bytes, path: Path) -> None:
    """With 256 colours, a quarter of the bytes; so chosen that one of few dots keeps its place beside the photos'."""
    with Image.open(BytesIO(picture)) as whole:
        few = whole.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=5, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


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
        context = await browser.new_context(viewport={"width": width, "height": height})
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        await page.goto(stage.sandbox.http_url)
        yield Journey(page, folder)
        await browser.close()


async def walk(one: Journey, platforms: Platforms) -> None:
    """The whole way, in order."""
    await one.approve()
    await platforms.come_to(APPROVED)
    files = await platforms.files()
    assert set(files.values()) == {200}
    await one.shot("approved")
    await one.correct(TWO, THREE, "ტურისტი სამი იყო")
    await platforms.come_to(CORRECTED)
    for section in ("#channel-chat", "#facebook-feed", "#x-feed", "#site-feed", "#hooks-feed"):
        await one.shows(section, THREE)
    await one.shows("#mail-count", "6")
    await one.shot("corrected", await platforms.address())
    await one.withdraw("მეორე ფოტოზე დაზარალებული ჩანს", photo=True)
    await platforms.come_to(PHOTO_WITHDRAWN)
    left = await platforms.files()
    taken = files.keys() - left.keys()
    assert (set(left.values()), {await platforms.status(path) for path in taken}) == ({200}, {404})
    for section in ("#channel-chat", "#site-feed"):
        await one.count(f"{section} .media img", 2)
    await one.shows("#mail-count", "9")
    await one.shot("photo-withdrawn")
    await one.withdraw("ცნობა მცდარი აღმოჩნდა")
    await platforms.come_to(WITHDRAWN)
    assert {await platforms.status(path) for path in files} == {404}
    for post in ("#channel-chat .message", "#x-feed article", "#facebook-feed article", "#site-feed article"):
        await one.gone(post)
    await one.shows("#mail-count", "12")
    await one.shows("#hooks-feed", "canceled")
    await one.shot("withdrawn", await platforms.address())
    await one.exercise("გორი", "შიდა ქართლი")
    await platforms.come_to(EXERCISE)
    for section in ("#channel-chat", "#x-feed", "#facebook-feed", "#mail-list", "#site-feed", "#hooks-feed"):
        await one.shows(section, "გორი")
    await one.shows("#channel-chat", "სწავლება")
    await one.shot("exercise")


async def main(folder: Path) -> None:
    """Walk it, and write the pictures."""
    with TemporaryDirectory() as where:
        stage = Stage(Path(where), further=True)
        await stage.start()
        try:
            async with journey(stage, folder) as one:
                await walk(one, Platforms(stage))
        finally:
            await stage.stop()


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(pictures))
