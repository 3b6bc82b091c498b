"""The gate, live: what is compared and how it is started (``plan``), the order of a gate (``conductor``), what its
launches brought as the pure part wants it (``taken``), and many gates of a build against itself (``calibrate``).
"""
