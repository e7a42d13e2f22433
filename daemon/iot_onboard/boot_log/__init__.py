"""What the journal says of a boot: its lines as entries, and where its time went."""
