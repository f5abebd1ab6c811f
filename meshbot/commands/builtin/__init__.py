"""The built-in commands, one a module."""
