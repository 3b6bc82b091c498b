"""write-burst: three bursts of writes, each making more pages out of date: one, about ten, about a hundred.

With rig:           rig run --profile write-burst
With plain Locust:  locust -f locustfiles/write_burst.py --headless -H http://127.0.0.1:8000
                    (writes need RIG_TOKEN, the token of a shop served with --measure)
"""

from _shop import PAGES, SIDE_PAGES, entries_of

from rig.measure.load.users import users
from rig.plan.profile import Profile, zipf
from rig.plan.write_group import WriteGroup

PROFILE = Profile(
    name="write-burst",
    summary="bursts of writes on which 1, 10 and 100 entries depend",
    reads=zipf([*PAGES, *SIDE_PAGES], 1.0),
    entries=entries_of((*PAGES, *SIDE_PAGES)),
    write_forms={},
    dependents=100,
    hot_writes=0,
    other_writes=0,
    visits={"/p/moon-jar/": 0.5, "/": 0.25, "/c/vases/": 0.25},
    lambda_delta=1.0,
    expiries=3,
    window_s=40.0,
    write_groups=(
        WriteGroup(
            path="/staff/p/moon-jar/note/", fields={"note": "Firing {1-999} is cooling"}, dependents=1, count=4, at=0.14
        ),
        WriteGroup(
            path="/staff/c/vases/",
            fields={"blurb": "Batch {1-999}: full shoulders, narrow necks"},
            dependents=10,
            count=4,
            at=0.4,
        ),
        WriteGroup(
            path="/staff/notice/", fields={"notice": "Kiln opening on day {1-28}"}, dependents=100, count=4, at=0.66
        ),
    ),
)

Shopper, Visitor = users(PROFILE)
