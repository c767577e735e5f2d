"""A campaign as people read it: how it goes in words, and what came of it as rows with pictures."""
