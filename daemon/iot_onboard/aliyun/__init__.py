"""The vendor's rules: signing, wire formats, codes, hosts, topics. Pure."""
