"""Measures, as a table; not tests."""
