"""SendGrid: e-mail out by its Web API, and what its Event Webhook tells of it."""

from regulars.connectors.sendgrid.mail import Sendgrid
from regulars.connectors.sendgrid.news import read

__all__ = ["Sendgrid", "read"]
