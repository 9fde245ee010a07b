"""What the provider contract checks, and the messages that say what to change."""
