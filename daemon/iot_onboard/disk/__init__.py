"""Files that no power cut can lose, and the device secret among them."""
