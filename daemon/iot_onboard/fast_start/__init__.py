"""What makes a start cheap, and nothing else: see the README beside this file."""
