"""A small photographic studio: pots as surfaces of revolution, glazes as textures, soft light, film grain.

The pictures are computed, so that the shop needs no downloads, and noisy as photographs are: a browser counts an
image of too few bytes for its area as background, not as content.
"""
