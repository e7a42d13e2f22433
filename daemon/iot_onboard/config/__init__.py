"""What the configuration says, and what this gateway is called."""
