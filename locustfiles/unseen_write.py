"""unseen-write: rows change by raw SQL and nothing is invalidated: why people keep a TTL.

With rig:           rig run --profile unseen-write
With plain Locust:  locust -f locustfiles/unseen_write.py --headless -H http://127.0.0.1:8000
                    (plain Locust sends the traffic; only rig carries out the disturbance)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.disturbance import Disturbance
from rig.plan.profile import Profile, zipf

PROFILE = Profile(
    name="unseen-write",
    summary="rows change by raw SQL, nothing is invalidated",
    reads=zipf(PAGES, 1.0),
    entries=entries_of(PAGES),
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/", "/p/supper-bowl/": "/staff/p/supper-bowl/"},
    dependents=3,
    hot_writes=0,
    other_writes=0,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=1.0,
    expiries=3,
    window_s=30.0,
    disturbances=(Disturbance(kind="unseen-write", at=0.45, entry="product:moon-jar"),),
    settle_bodies=None,
)

Shopper, Visitor = users(PROFILE)
