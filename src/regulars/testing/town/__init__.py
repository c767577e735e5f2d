"""A town of people of several cultures and what five sources know of them: another world to find who is who in."""
