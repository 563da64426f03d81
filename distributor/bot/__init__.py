"""The editors' desk in Telegram: drafts, submission, approval, the live status, cases.

May touch: the Bot API, the uses of the office, and the bot's memory in the database. Decides nothing by itself: every
press and every message is authorised by the office, from the database, at that moment.
"""

from distributor.bot.desk import Desk

__all__ = ["Desk"]
