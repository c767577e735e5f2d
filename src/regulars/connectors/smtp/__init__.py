"""SMTP: e-mail out by any mail server, and what comes back into a mailbox: failures, complaints, answers."""

from regulars.connectors.smtp.folder import read_folder
from regulars.connectors.smtp.report import read
from regulars.connectors.smtp.talk import Smtp

__all__ = ["Smtp", "read", "read_folder"]
