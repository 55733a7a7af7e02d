"""The page that shows journals: served on loopback, or written into one file. It only reads."""
