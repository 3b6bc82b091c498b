"""The sample shop for the profiles beside this file: its pages, the best known first, and the entries behind them."""

PAGES = (
    "/p/moon-jar/",
    "/",
    "/c/vases/",
    "/p/latte-beaker/",
    "/c/bowls/",
    "/p/supper-bowl/",
    "/p/dinner-plate/",
    "/c/cups/",
    "/p/espresso-cup/",
    "/p/bud-vase/",
    "/c/plates/",
    "/p/side-plate/",
    "/p/pinch-bowl/",
    "/c/jars/",
    "/p/water-beaker/",
    "/p/shoulder-vase/",
    "/p/herb-pot/",
    "/p/noodle-bowl/",
    "/c/bottles/",
    "/p/ginger-jar/",
    "/p/trumpet-vase/",
    "/p/belly-vase/",
    "/c/planters/",
    "/p/fruit-bowl/",
)

SIDE_PAGES = ("/pieces/", "/years/1/", "/years/2/", "/years/3/")
"""Read less than all of the others."""

_KINDS = {"p": "product", "c": "category", "years": "year"}


def entry_of(path: str) -> str:
    """The logical cache entry behind a page: ``/p/moon-jar/`` -> ``product:moon-jar``, ``/`` -> ``home``."""
    kind, _, slug = path.strip("/").partition("/")
    return f"{_KINDS[kind]}:{slug}" if slug else kind or "home"


def entries_of(paths: tuple[str, ...]) -> dict[str, str]:
    """The same for several pages."""
    return {path: entry_of(path) for path in paths}
