"""All that makes a start fast: see the README in this directory."""
