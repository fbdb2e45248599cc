"""A case for every command row: short sequences whose replies are redis-server's, word for word.

The cases are in the text files beside, in the form that `cases` describes; what stands in a
sequence, `play` does. What redis-server 7.0 does not have, or says about itself, has its
expectation beside it.
"""
