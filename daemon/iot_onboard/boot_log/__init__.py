"""What the journal shows about a boot: its lines as entries, and how its time was spent."""
