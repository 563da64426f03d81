"""Measurements that anybody can repeat: `make bench`.

May touch: temporary folders and the loopback address. Asserts that the measured work was really done.
"""
