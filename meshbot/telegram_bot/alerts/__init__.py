"""Alerts: what operators read of incidents, one message each."""
