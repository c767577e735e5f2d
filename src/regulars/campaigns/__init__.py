"""What to say, to whom and when: templates, segments of a text message, offers, pace and the audience."""
