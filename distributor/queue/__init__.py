"""The queue port's forms, the worker, the relay, the limits.

May touch: the delivery store and adapters through their ports. Named `distributor.queue`, inside the package, because a
top-level `queue` would shadow the standard library's.
"""
