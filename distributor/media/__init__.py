"""Media: originals, checks and renditions behind `core.asset.Media`. Importing this package does nothing."""
