"""From whatever the caller calls a picture to pixels."""
