"""Everything that is the vendor's: signing, wire shapes, codes, hosts, topics. Pure."""
