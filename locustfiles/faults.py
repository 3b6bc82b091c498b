"""faults: what brings out the mistakes that light traffic forgives: slow commits, writers in pairs, a killed worker.

While each write waits before its COMMIT, readers fall between a delete and the commit, and two writers overlap. An
empty page is read steadily: it is a value too. At last the process that recomputes the hot entry is killed, with
whatever lock it holds. Every cached body is compared with the database in the end.

With rig:           rig run --profile faults
With plain Locust:  locust -f locustfiles/faults.py --headless -H http://127.0.0.1:8000
                    (plain Locust sends the traffic; only rig carries out the disturbances)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.disturbance import Disturbance
from rig.plan.profile import Profile, zipf
from rig.plan.write_group import WriteGroup

EMPTY = "/c/seconds/"
"""Lists nothing unless something comes out of the kiln with a flaw."""

PATHS = [*PAGES[:5], EMPTY, *PAGES[5:8]]
PRICES = {"price_cents": "{1500-9000}", "stock": "{1-40}"}


def pair(path: str, at: float, hot: bool) -> WriteGroup:
    """Two writes of one form, a tenth of a second apart at most on average: the second comes while the first waits."""
    return WriteGroup(path=path, fields=PRICES, dependents=3, count=2, at=at, within_s=0.2, hot=hot)


PROFILE = Profile(
    name="faults",
    summary="slow commits, writers in pairs, an empty page, a killed worker",
    reads=zipf(PATHS, 0.6),
    entries=entries_of(tuple(PATHS)),
    write_forms={},
    dependents=3,
    hot_writes=0,
    other_writes=0,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=0.8,
    expiries=2,
    window_s=36.0,
    write_groups=(
        pair("/staff/p/moon-jar/", 0.12, hot=True),
        pair("/staff/p/latte-beaker/", 0.22, hot=False),
        pair("/staff/p/moon-jar/", 0.32, hot=True),
        pair("/staff/p/supper-bowl/", 0.42, hot=False),
    ),
    disturbances=(
        Disturbance(kind="slow-commit", at=0.06, lasts=0.46, pause_ms=300),
        Disturbance(kind="kill-holder", at=0.7, entry="product:moon-jar"),
    ),
    strategies="bad-*,lease,versioned-keys",
    settle_bodies=None,
)

Shopper, Visitor = users(PROFILE)
