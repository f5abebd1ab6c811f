"""The radio link: the only importer of `meshtastic` in the bot."""
