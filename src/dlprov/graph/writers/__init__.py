"""Writers of the formats: each takes statements one by one, and needs no extra.

They are here because the ``prov`` package needs the whole document in memory, and some 300 µs for each statement. The
tests hold them against it: what they write, ``prov`` reads as the document that its own interface makes of the same
statements.
"""
