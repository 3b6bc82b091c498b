"""The gate's two arms, live: built from their trees, launched side by side, asked the same, and ended.

``trees`` checks a revision out, ``arms`` starts a server in a tree, ``answers`` compares what both say, ``machine``
watches the computer, ``launch`` puts one launch together.
"""
