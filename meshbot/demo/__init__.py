"""Trying the bot without a radio: a virtual node, the real program, and faults on demand."""
