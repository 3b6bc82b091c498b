"""hot-key: one product takes most reads; staff change its price while people look.

With rig:           rig run --profile hot-key
With plain Locust:  locust -f locustfiles/hot_key.py --headless -H http://127.0.0.1:8000
                    (with a browser too: add --visits -u 2)
"""

from rig.measure.load.users import users
from rig.plan.profile import Profile

PROFILE = Profile(
    name="hot-key",
    summary="one product takes most reads, a few writes change it",
    reads={
        "/p/moon-jar/": 0.92,
        "/": 0.04,
        "/c/vases/": 0.025,
        "/c/bowls/": 0.015,
    },
    entries={
        "/": "home",
        "/c/vases/": "category:vases",
        "/c/bowls/": "category:bowls",
        "/p/moon-jar/": "product:moon-jar",
    },
    write_forms={"/p/moon-jar/": "/staff/p/moon-jar/"},
    dependents=3,
    hot_writes=5,
    other_writes=0,
    visits={"/p/moon-jar/": 0.8, "/": 0.1, "/c/vases/": 0.1},
)

Shopper, Visitor = users(PROFILE)
