"""What to say, to whom and when: templates, text messages, links, offers, lists of people, pace and the audience."""
