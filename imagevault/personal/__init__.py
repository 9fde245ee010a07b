"""What the server holds about an account: how much it uses, its export, and its deletion."""
