"""The sandbox: Telegram, X, Facebook, WordPress, newsrooms, a mail relay over real HTTP and SMTP, with faults on order.

Tests, the demo and a newcomer's first look run on it. It imports nothing else of Distributor, keeps everything in
memory, and opens no connection of its own but to a webhook that a bot has set and to addresses a bot asks it to fetch.

    sandbox = Sandbox(); await sandbox.start(); …; await sandbox.stop()      (or: async with Sandbox() as sandbox)

Faults: `sandbox.faults.order(platform, method, kind, times=1, after=0, **options)`; also POST /sandbox/faults with
the same words as JSON, GET to see and DELETE to clear them. `method` may be "*"; `times=None` lasts until cleared;
`after=N` lets N calls pass first. `chat_id=` (Telegram) and `address=` (first SMTP recipient, name of an endpoint; *)
narrow it.

    platform   methods
    telegram   every Bot API method by its name (sendMessage, sendMediaGroup, getUpdates, …), file.download
    x          tweets.create tweets.delete tweets.get users.me users.tweets
               media.initialize media.append media.finalize media.status media.metadata
    facebook   me.get page.get feed.create feed.read photos.create videos.create videos.start videos.transfer
               videos.finish object.get object.update object.delete
    wordpress  users.me posts.list posts.create posts.get posts.update posts.delete
               media.list media.create media.update media.delete
    webhook    deliver
    smtp       smtp.connect smtp.ehlo smtp.mail smtp.rcpt smtp.data

    kind            what the client sees                                        effect    options (default)
    latency         the true answer, late                                       yes       seconds (0.2)
    429             the platform's own throttling answer                        no        retry_after (1)
    error           an HTTP status with JSON                                    no *      status (500), body ({})
    html            an HTTP status with an HTML page                            no *      status (503)
    reset_before    connection reset, no answer (SMTP data: before 354)         no        -
    reset_after     connection reset, no answer (SMTP data: after the dot)      yes *     -
    hang            nothing, then a reset                                       no *      seconds (30)
    wrong_type      200 with an HTML page                                       yes *     -
    empty           200 with an empty body                                      yes *     -
    no_id           the true answer without the id of what was created          yes       -
    partial_album   sendMediaGroup: some items posted, the call fails           in part   posted (1)
    graph_error     Facebook: an error body                                     no *      code (1), subcode, message,
                                                                                          status, is_transient
    telegram_error  Telegram: ok=false                                          no *      error_code (400), description,
                                                                                          parameters
    redirect        webhook: a redirect                                         no        location (/), status (302)
    drip            webhook: a byte now and then, for ever                      no        seconds (0.05), part (head; or
                                                                                          body), status (200)
    smtp_error      SMTP: a reply code (421 closes; data: after the dot)        no *      code (451), text

    * `effect=True` or `effect=False` decides otherwise.
"""

from __future__ import annotations

from distributor.sandbox.effects import Effect
from distributor.sandbox.faults import Fault
from distributor.sandbox.mail import Mail
from distributor.sandbox.page import Sample
from distributor.sandbox.server import Accounts, Sandbox
from distributor.sandbox.telegram_world import Person
from distributor.sandbox.x_auth import XKeys

__all__ = ["Accounts", "Effect", "Fault", "Mail", "Person", "Sample", "Sandbox", "XKeys"]
