"""Tell the operator: journal, status and history."""
