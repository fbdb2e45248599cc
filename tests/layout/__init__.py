"""A reader of redtool's stores in Python, made from the document and nothing of redtool's code."""
