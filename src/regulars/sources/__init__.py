"""How to ask the systems we read from: files and declared REST sources, pulled page by page."""
