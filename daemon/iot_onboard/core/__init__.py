"""Values, failures and arithmetic that every package uses. Pure."""
