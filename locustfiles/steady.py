"""steady: many pages by Zipf's law, a few writes; nothing goes wrong. The profile to compare the others with.

With rig:           rig run --profile steady
With plain Locust:  locust -f locustfiles/steady.py --headless -H http://127.0.0.1:8000
                    (with a browser too: add --visits -u 2)
"""

from _shop import PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.profile import Profile, zipf

PROFILE = Profile(
    name="steady",
    summary="many pages by Zipf's law, a few writes",
    reads=zipf(PAGES, 1.0),
    entries=entries_of(PAGES),
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/", "/p/supper-bowl/": "/staff/p/supper-bowl/"},
    dependents=3,
    hot_writes=2,
    other_writes=2,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=1.5,
    expiries=3,
    window_s=30.0,
)

Shopper, Visitor = users(PROFILE)
