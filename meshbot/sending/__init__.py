"""Sending: what goes on air, in which order, and what became of it."""
