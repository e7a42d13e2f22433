"""Bring facts. Each module looks at one corner of the world, changes nothing, and judges nothing."""
