"""Every line that an operator may act on: the table, its words, and what they mean."""
