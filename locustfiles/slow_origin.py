"""slow-origin: for a while each recompute is ten times the work.

Little traffic and a long TTL: what is calm before is a herd then, and one expiry of a hot page would take every server
thread for longer than the window lasts.

With rig:           rig run --profile slow-origin
With plain Locust:  locust -f locustfiles/slow_origin.py --headless -H http://127.0.0.1:8000
                    (plain Locust sends the traffic; only rig carries out the disturbance)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.disturbance import Disturbance
from rig.plan.profile import Profile, zipf
from rig.plan.write_group import WriteGroup

PROFILE = Profile(
    name="slow-origin",
    summary="the origin works ten times slower for a while",
    reads=zipf(PAGES[:12], 1.0),
    entries=entries_of(PAGES[:12]),
    write_forms={},
    dependents=3,
    hot_writes=0,
    other_writes=0,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=0.4,
    expiries=1,
    window_s=44.0,
    # So that strategies which invalidate on write have something to recompute meanwhile.
    write_groups=(
        WriteGroup(
            path="/staff/p/supper-bowl/",
            fields={"price_cents": "{1500-9000}", "stock": "{1-40}"},
            dependents=3,
            count=1,
            hot=False,
            at=0.3,
        ),
    ),
    disturbances=(Disturbance(kind="slow-origin", at=0.25, lasts=0.18, factor=10),),
)

Shopper, Visitor = users(PROFILE)
