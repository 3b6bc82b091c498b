"""synchronized-expiry: all pages were stored together, as after a deployment, so they expire together.

In every other profile the remaining times to live are scattered.

With rig:           rig run --profile synchronized-expiry
With plain Locust:  locust -f locustfiles/synchronized_expiry.py --headless -H http://127.0.0.1:8000
                    (with a browser too: add --visits -u 2)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.profile import Profile, zipf

PROFILE = Profile(
    name="synchronized-expiry",
    summary="all pages stored together, so they expire together",
    reads=zipf(PAGES, 1.0),
    entries=entries_of(PAGES),
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/", "/p/supper-bowl/": "/staff/p/supper-bowl/"},
    dependents=3,
    hot_writes=1,
    other_writes=0,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=1.0,
    expiries=3,
    window_s=34.0,
    warm="together",
)

Shopper, Visitor = users(PROFILE)
