"""What an office does, as uses: people, drafts, preflight, approval, operations, audit, sign-in, subscribers.

May touch: the storage, media through its port, adapters through theirs. The bot, the web pages and the command line
call these and nothing below, so that every rule stands in one place.
"""
