"""`meshbot doctor`: what is well and what is not, from the settings to the node's heartbeat, with each cure."""

from meshbot.doctor.doctor import Doctor, Patient
from meshbot.doctor.findings import Finding, Verdict, bad
from meshbot.doctor.host import pinned
from meshbot.doctor.service import environment, settings_file

__all__ = ["Doctor", "Finding", "Patient", "Verdict", "bad", "environment", "pinned", "settings_file"]
