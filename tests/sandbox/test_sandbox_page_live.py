"""The sandbox's page in a real browser: it lives without reloading, and its own policy breaks nothing of it."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from distributor.sandbox import Sandbox
from tests.services import find_chromium

DESK = -100200


@pytest.mark.browser
async def test_presses_messages_and_faults_without_a_reload(sandbox: Sandbox, bot: Bot) -> None:
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(sandbox.http_url)
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Approve", callback_data="nonce")]])
        await bot.send_message(DESK, "გადაწყვიტე", reply_markup=keyboard)
        await page.get_by_role("button", name="Approve").click()
        query = (await bot.get_updates(timeout=3))[0].callback_query
        assert query is not None
        await bot.answer_callback_query(query.id, "დამტკიცდა")
        await page.get_by_text("დამტკიცდა").wait_for()
        await page.locator("#private-compose textarea").fill("სატესტო")
        await page.keyboard.press("Enter")
        await page.locator("#private-chat .bubble", has_text="სატესტო").wait_for()
        await page.locator(".faults summary").click()
        await page.select_option("select[name=method]", "x:tweets.create")
        await page.select_option("select[name=kind]", "429")
        await page.get_by_role("button", name="Order", exact=True).click()
        await page.locator("#faults-list li", has_text="tweets.create").wait_for()
        await browser.close()
    assert complaints == []
    assert query.data == "nonce"
