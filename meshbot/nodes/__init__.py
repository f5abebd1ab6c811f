"""Nodes: whose public key is trusted, and how nodes stand in the library."""
