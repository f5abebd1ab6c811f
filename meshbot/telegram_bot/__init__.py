"""The Telegram side: the only importer of `telegram`."""
