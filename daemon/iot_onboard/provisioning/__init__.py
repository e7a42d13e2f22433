"""Give a gateway its identity: by questions, by arguments, or by a file on the boot partition."""
