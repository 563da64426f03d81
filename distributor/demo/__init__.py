"""The whole service on one machine against the sandbox: for a first look, for tests, for `demo --auto`.

May touch: the folder it is given and the loopback address. Opens no account and speaks to no other machine.
"""

from distributor.demo.stage import Stage

__all__ = ["Stage"]
