"""What a setting may be, and where it comes from."""
