"""What was found out before: choices, providers' answers, and lock files."""
