"""``rig serve``: the shop alone, to look at in a browser."""

from __future__ import annotations

import secrets
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from rig.cli.options import Duration, json_option, print_json
from rig.model import InfrastructureError, UsageError


@click.command(short_help="Serve the sample shop, to look at in a browser.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--strategy", default="fixed-timeout", show_default=True, help="Value of the flag cache-strategy.")
@click.option("--ttl", type=Duration(), default=60.0, show_default=True, help="Short time to live.")
@click.option("--measure", is_flag=True, help="Measurement mode: control endpoints with a token, strategy by header.")
@json_option
def serve(host: str, port: int, strategy: str, ttl: float, measure: bool, as_json: bool) -> None:
    """Serve the shop with its cache until Ctrl-C. Open it in a browser, press F12, look at the Network tab.

    \b
    Examples:
      rig serve
      rig serve --strategy versioned-keys --port 8080
      rig serve --measure            (then: curl -H 'X-Cache-Strategy: delete-many' …)
    """
    from rig.cli.catalogue import strategy_catalogue
    from rig.measure.services import app_server
    from rig.measure.services.cache_server import cache_server

    names = [row["name"] for row in strategy_catalogue()]
    if strategy not in names:
        raise UsageError(f"strategy {strategy!r}: unknown; there are {', '.join(names)}")
    port = port or app_server.free_port()
    app_server.require_free(host, port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app_server.prepare_data(lambda line: click.echo(line, err=True))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rig-serve-")))
        cache = stack.enter_context(cache_server(folder, None))
        env = {**cache.env, "CACHE_STRATEGY": strategy, "CACHE_TTL_S": str(ttl)}
        env |= {"DJANGO_ALLOWED_HOSTS": f"127.0.0.1,localhost,[::1],{host}", "RIG_MEASURE": "0"}
        if cache.service is not None:
            env["RIG_PICKLE_REDIS_URL"] = cache.url
        facts = {"strategy": strategy, "ttl_s": ttl, "cache_server": cache.version}
        if measure:
            token = secrets.token_urlsafe(24)
            env |= {"RIG_MEASURE": "1", "RIG_TOKEN": token, "RIG_EVENT_DIR": str(folder / "events")}
            facts |= {"token": token, "event_dir": env["RIG_EVENT_DIR"]}
        app = stack.enter_context(app_server.app_server(host=host, port=port, env=env, logs=folder, cpus=None))
        if as_json:
            print_json({"url": f"{app.url}/", **facts})
        else:
            click.echo(f"{app.url}/  strategy {strategy}, TTL {ttl:g} s, {cache.version}")
            click.echo(f"change a price at {app.url}/staff/ ; Ctrl-C ends it")
            if measure:
                click.echo(f"X-Rig-Token: {token}")
        app.service.wait_ended()
        raise InfrastructureError(f"app server: ended by itself; {app.service.last_words()}")
