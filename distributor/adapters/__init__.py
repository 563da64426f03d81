"""The adapters: one way out each, none knows another. Nothing happens when this package is imported."""
