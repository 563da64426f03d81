"""Are the bot's token and rights good, and do they reach its chats?

Reads from the Bot API (getMe, getChat, getChatMember); posts nothing. Says in words what is missing.
"""

from __future__ import annotations

from telegram import Bot, ChatFullInfo, ChatMember, User
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError

from distributor.adapters.telegram_calls import chat_id
from distributor.core.channel import Health

_WRITERS = {ChatMember.OWNER, ChatMember.ADMINISTRATOR}


async def probe(bot: Bot, chats: dict[str, str]) -> Health:
    """`chats`: what each is for → its address. `problems` tell what an administrator has to do."""
    try:
        me = await bot.get_me()
    except TelegramError as error:
        return Health(False, problems=(_reason(error),))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        return Health(False, problems=(f"the answer to getMe is not Telegram's ({type(error).__name__})",))
    problems: list[str] = []
    facts: dict[str, str] = {"bot": f"@{me.username}"}
    for purpose, address in chats.items():
        try:
            found = await _missing(bot, me, purpose, address, facts)
        except TelegramError as error:
            found = f"{purpose} {address}: {_reason(error)}"
        except (TypeError, KeyError, ValueError, AttributeError) as error:
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


def _reason(error: TelegramError) -> str:
    match error:
        case InvalidToken():
            return "Telegram refuses the token; take the present one from @BotFather"
        case ChatMigrated():
            return f"the group became a supergroup; write {error.new_chat_id} into the settings"
        case BadRequest() | Forbidden():
            return f"{error.message}; add the bot to the chat, and check the chat's id"
    return f"Telegram cannot be reached: {error.message}"
