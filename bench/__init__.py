"""Measurements of the bot beside the plain library, in one run; nothing here is part of the program."""
