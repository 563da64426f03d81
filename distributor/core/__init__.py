"""The domain: releases, approval, deliveries, outcomes, audit. Pure.

May touch: nothing. No I/O, no clock of its own, no settings; everything comes in as an argument.
Imports nothing else of ours.
"""
