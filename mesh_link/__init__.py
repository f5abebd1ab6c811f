"""The radio link: the only importer of `meshtastic` in the bot."""

from mesh_link.deferred import defer

# For one function, which asks PyPI for the library's newest version and which the bot never calls: 7 MB with urllib3
# and charset_normalizer. Here, because it has to come before whichever module imports the library first.
defer("requests")
