"""The boots in the journal: their lines as entries, and their timelines."""
