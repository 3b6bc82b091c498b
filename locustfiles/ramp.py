"""ramp: the rate rises from a tenth to the whole.

With rig:           rig run --profile ramp
With plain Locust:  locust -f locustfiles/ramp.py --headless -H http://127.0.0.1:8000
                    (with a browser too: add --visits -u 2)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.profile import Profile, zipf

PROFILE = Profile(
    name="ramp",
    summary="the rate rises from a tenth to the whole",
    reads=zipf(PAGES, 1.0),
    entries=entries_of(PAGES),
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/", "/p/supper-bowl/": "/staff/p/supper-bowl/"},
    dependents=3,
    hot_writes=1,
    other_writes=1,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=2.0,
    expiries=3,
    window_s=36.0,
    curve="ramp",
)

Shopper, Visitor = users(PROFILE)
