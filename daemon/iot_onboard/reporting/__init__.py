"""What the operator can read: journal, status and history."""
