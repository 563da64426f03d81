"""Distributor: one approval, every channel. Importing this package does nothing."""
