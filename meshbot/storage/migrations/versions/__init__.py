"""One module a revision; each states the tables as they were then, so that it stays true."""
