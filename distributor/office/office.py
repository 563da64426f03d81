"""All uses of the office in one value, for the bot, the web pages and the command line.

Made once by the composition root; holds no state of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from distributor.office.acknowledging import Acknowledging
from distributor.office.aftercare import Aftercare
from distributor.office.alarm_effects import give_effects
from distributor.office.alarms import Alarms
from distributor.office.approvals import Approvals
from distributor.office.auditing import Auditing, SigningKey
from distributor.office.canary import Canary
from distributor.office.context import Context
from distributor.office.coverage import Coverage
from distributor.office.drafts import Drafts
from distributor.office.operations import Operations
from distributor.office.overriding import Overriding
from distributor.office.people import People
from distributor.office.reading import Reading
from distributor.office.restoring import Restoring
from distributor.office.reviewing import Reviewing
from distributor.office.signin import SignIn
from distributor.office.subscriptions import Subscriptions
from distributor.office.templates import Templates
from distributor.office.watching import Watching
from distributor.queue.mark import MarkKeeper


class Office:
    """The uses, by subject."""

    def __init__(self, context: Context, key: SigningKey, marks: Sequence[MarkKeeper] = ()) -> None:
        self.context = context
        self.alarms = Alarms(context)
        give_effects(self.alarms, context)
        self.people = People(context)
        self.drafts = Drafts(context)
        self.overriding = Overriding(context, self.drafts)
        self.templates = Templates(context, self.drafts)
        self.alarms.on("review", Reviewing(context).answered)
        self.approvals = Approvals(context)
        self.aftercare = Aftercare(context)
        self.operations = Operations(context)
        self.reading = Reading(context)
        self.coverage = Coverage(context)
        self.signin = SignIn(context)
        self.subscriptions = Subscriptions(context)
        self.acknowledging = Acknowledging(context)
        self.restoring = Restoring(context, marks)
        self.watching = Watching(context, self.alarms)
        self.canary = Canary(context, self.alarms)
        self.auditing = Auditing(context.database, context.clock, key, context.office_name)
