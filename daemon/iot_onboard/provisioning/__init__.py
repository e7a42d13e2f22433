"""Give a gateway its identity: by questions, by arguments, or from the boot partition."""
