"""slow-origin: for a while each recompute is ten times the work.

Few pages and little traffic: what is calm before is a herd then.

With rig:           rig run --profile slow-origin
With plain Locust:  locust -f locustfiles/slow_origin.py --headless -H http://127.0.0.1:8000
                    (plain Locust sends the traffic; only rig carries out the disturbance)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.disturbance import Disturbance
from rig.plan.profile import Profile, zipf

PROFILE = Profile(
    name="slow-origin",
    summary="the origin works ten times slower for a while",
    reads=zipf(PAGES[:4], 1.0),
    entries=entries_of(PAGES[:4]),
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/", "/p/supper-bowl/": "/staff/p/supper-bowl/"},
    dependents=3,
    hot_writes=0,
    other_writes=0,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=1.0,
    expiries=4,
    window_s=44.0,
    disturbances=(Disturbance(kind="slow-origin", at=0.3, lasts=0.2, factor=10),),
)

Shopper, Visitor = users(PROFILE)
