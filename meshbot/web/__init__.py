"""What other computers are asked over HTTP; the only package that knows httpx."""
