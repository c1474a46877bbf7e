"""A corpus in miniature: stories read by espeak-ng, with exact references.

It has Libri-Light's layout and the troubles of real books and real readers, needs no
network, and is the same to the byte wherever the same espeak-ng is installed.
"""

from aubert.mini.write import make_mini

__all__ = ["make_mini"]
