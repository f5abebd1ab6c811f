"""Chaos: a seeded schedule of faults on the real bot, and what must hold all the while."""
