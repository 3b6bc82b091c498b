"""soak: ordinary traffic for five minutes: leaks and drift show in time only.

With rig:           rig run --profile soak
With plain Locust:  locust -f locustfiles/soak.py --headless -H http://127.0.0.1:8000
                    (with a browser too: add --visits -u 2)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.profile import Profile, zipf

PROFILE = Profile(
    name="soak",
    summary="ordinary traffic for five minutes",
    reads=zipf(PAGES, 1.0),
    entries=entries_of(PAGES),
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/", "/p/supper-bowl/": "/staff/p/supper-bowl/"},
    dependents=3,
    hot_writes=8,
    other_writes=8,
    visits_per_s=0.5,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=1.0,
    expiries=20,
    window_s=300.0,
    curve="soak",
)

Shopper, Visitor = users(PROFILE)
