"""Are the bot's token and rights good, and do they reach its chats? Could a witness see what is posted?

Reads from the Bot API (getMe, getChat, getChatMember, getWebhookInfo); posts nothing. Says in words what is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from telegram import Bot, ChatFullInfo, ChatMember, User
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, TelegramError

from distributor.adapters.telegram_calls import chat_id
from distributor.adapters.telegram_failures import Throttled
from distributor.core.channel import Health
from distributor.core.outcome import CannotTell, LookAgain

Answer = TypeVar("Answer")

ODD = (TypeError, KeyError, ValueError, AttributeError)
"""What python-telegram-bot stumbles with over an answer that is not Telegram's."""

_WRITERS = {ChatMember.OWNER, ChatMember.ADMINISTRATOR}


async def probe(bot: Bot, chats: dict[str, str]) -> Health:
    """`chats`: what each is for → its address. `problems` tell what an administrator has to do."""
    try:
        me = await bot.get_me()
    except TelegramError as error:
        return Health(False, problems=(_reason(error),))
    except ODD as error:
        return Health(False, problems=(f"the answer to getMe is not Telegram's ({type(error).__name__})",))
    problems: list[str] = []
    facts: dict[str, str] = {"bot": f"@{me.username}"}
    for purpose, address in chats.items():
        try:
            found = await _missing(bot, me, purpose, address, facts)
        except TelegramError as error:
            found = f"{purpose} {address}: {_reason(error)}"
        except ODD as error:
            found = f"{purpose} {address}: the answer is not Telegram's ({type(error).__name__})"
        if found:
            problems.append(found)
    return Health(not problems, account=f"@{me.username}", problems=tuple(problems), facts=facts)


async def _missing(bot: Bot, me: User, purpose: str, address: str, facts: dict[str, str]) -> str:
    """What keeps the bot from posting in a chat; '' where nothing does."""
    chat = await bot.get_chat(chat_id(address))
    facts[purpose] = f"{chat.title or chat.username or chat.id} ({chat.id})"
    if chat.type == "private":
        return ""
    member = await bot.get_chat_member(chat.id, me.id)
    return _right(chat, member, f"{purpose} {address}", f"@{me.username}")


def _right(chat: ChatFullInfo, member: ChatMember, where: str, bot: str) -> str:
    """The right to post: in a channel it must be given, in a group it must not have been taken."""
    if member.status in {ChatMember.LEFT, ChatMember.BANNED}:
        return f"{where}: {bot} is not a member; add it as an administrator who may post"
    if chat.type == "channel":
        if member.status not in _WRITERS:
            return f"{where}: {bot} is no administrator; make it one, with the right to post messages"
        if member.status == ChatMember.ADMINISTRATOR and not getattr(member, "can_post_messages", False):
            return f"{where}: {bot} may not post; give it the right to post messages"
    elif member.status == ChatMember.RESTRICTED and not getattr(member, "can_send_messages", False):
        return f"{where}: {bot} is restricted; allow it to send messages"
    return ""


async def probe_witness(bot: Bot, address: str) -> Health:
    """Is there anything that keeps a second bot from seeing the posts of a channel?"""
    try:
        name = f"@{(await bot.get_me()).username}"
        hook = await bot.get_webhook_info()
        problem = await absence(bot, address)
    except TelegramError as error:
        return Health(False, problems=(f"witness: {_reason(error)}",))
    except ODD as error:
        return Health(False, problems=(f"witness: the answer is not Telegram's ({type(error).__name__})",))
    if hook.url:
        problem = f"a webhook is set, so that nobody can ask it; remove it (deleteWebhook) from {name}"
    return Health(not problem, name, (f"witness {name}: {problem}",) if problem else ())


async def absence(bot: Bot, address: str) -> str:
    """Why a witness cannot see what other bots post in a chat; '' where nothing keeps it from that."""
    add = f"add it to {address} as an administrator, who needs no right"
    try:
        chat = await bot.get_chat(chat_id(address))
        if chat.type != "channel":
            return f"{address} is no channel, and elsewhere bots do not see what other bots post"
        member = await bot.get_chat_member(chat.id, (await bot.get_me()).id)
    except (BadRequest, Forbidden) as error:
        return f"it is not in the channel ({error.message}); {add}"
    return f"it is not in the channel; {add}" if member.status in {ChatMember.LEFT, ChatMember.BANNED} else ""


async def asked(question: Awaitable[Answer]) -> Answer | CannotTell | LookAgain:
    """What a witness answers, or what its failure means for a delivery that is looked for."""
    try:
        return await question
    except TelegramError as error:
        return _no_answer(error)
    except ODD as error:
        return LookAgain(f"the witness's answer is not Telegram's ({type(error).__name__})")


def _no_answer(error: TelegramError) -> CannotTell | LookAgain:
    match error:
        case Throttled():
            return LookAgain("Telegram asks the witness to wait", error.retry_after.total_seconds())
        case Conflict() if "webhook" in error.message:
            return CannotTell("the witness has a webhook, so that nobody can ask it; remove it (deleteWebhook)")
        case Conflict():  # another process of ours at the same moment, or a stranger
            return LookAgain("another program reads the witness's updates", 10.0)
        case InvalidToken():
            return CannotTell("Telegram refuses the witness's token")
        case BadRequest() | Forbidden():
            return CannotTell(f"the witness may not look: {error.message}")
    return LookAgain(f"the witness cannot be asked: {error.message}")


def _reason(error: TelegramError) -> str:
    match error:
        case InvalidToken():
            return "Telegram refuses the token; take the present one from @BotFather"
        case ChatMigrated():
            return f"the group became a supergroup; write {error.new_chat_id} into the settings"
        case BadRequest() | Forbidden():
            return f"{error.message}; add the bot to the chat, and check the chat's id"
    return f"Telegram cannot be reached: {error.message}"
