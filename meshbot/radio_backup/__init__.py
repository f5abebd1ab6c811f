"""Encrypted backups of our own node's configuration, and putting one back; the only importer of `cryptography`."""

from meshbot.radio_backup.backup import LONGEST, Backup, BackupError, BackupProblem, open_backup, seal_backup
from meshbot.radio_backup.nightly import NightlyBackup
from meshbot.radio_backup.restore import Restored, RestoreError, RestoreProblem, restore

__all__ = [
    "LONGEST",
    "Backup",
    "BackupError",
    "BackupProblem",
    "NightlyBackup",
    "RestoreError",
    "RestoreProblem",
    "Restored",
    "open_backup",
    "restore",
    "seal_backup",
]
