"""The control page: its process, its page, and what goes with the shop's isolation."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from rig.measure.services.control_page import control_page

ROOT = Path(__file__).parents[2]

SHOP_HEADERS = """
import django
django.setup()
from django.test import Client
from django.contrib.staticfiles import finders
response = Client(SERVER_NAME="localhost").get("/static/shop/shop.css")
page = Client(SERVER_NAME="localhost").get("/nowhere/")
print([one.headers.get("Cross-Origin-Embedder-Policy") for one in (response, page)])
"""


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return dict(response.headers), response.read()


def test_it_serves_one_image_and_ends_with_its_block(tmp_path):
    """No cookie, no X-Cache, no Server-Timing: nothing of a target. Isolated, so that its LCP is told finely."""
    with control_page(tmp_path, None) as url:
        headers, body = fetch(url)
        assert b"<img src='/image.png'" in body
        image_headers, image = fetch(url + "image.png")
        assert image.startswith(b"\x89PNG") and len(image) > 100_000
        for one in (headers, image_headers):
            assert one["Cross-Origin-Embedder-Policy"] == "require-corp"
            assert not {"X-Cache", "Server-Timing", "Set-Cookie"} & set(one)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(url + "other")
    with pytest.raises(urllib.error.URLError):
        fetch(url)


@pytest.mark.parametrize(("asked", "policy"), [("1", "require-corp"), ("0", None), (None, None)])
def test_the_shop_is_isolated_only_when_asked(asked, policy, tmp_path):
    """``SHOP_ISOLATED=1``: on pages and pictures alike; unasked, pages are as most shops' are."""
    env = {name: value for name, value in os.environ.items() if name != "SHOP_ISOLATED"}
    env |= {"DJANGO_SETTINGS_MODULE": "target_app.config.settings", "SHOP_DATA_DIR": str(tmp_path)}
    env |= {"SHOP_ISOLATED": asked} if asked else {}
    done = subprocess.run([sys.executable, "-c", SHOP_HEADERS], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == str([policy, policy]), done.stderr
