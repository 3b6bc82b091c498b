"""``prepare_shop``: everything the shop needs before it can be served."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from target_app.shop import catalogue


class Command(BaseCommand):
    """Tables, rows and pictures. Does only what is missing, so it may be run before every start."""

    help = "Create the tables, fill them with the catalogue and three years of orders, and make the pictures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Either half can be had alone: the pictures take longest and need no database."""
        half = parser.add_mutually_exclusive_group()
        half.add_argument("--data-only", action="store_true", help="make no pictures")
        half.add_argument("--images-only", action="store_true", help="leave the database alone")

    def handle(self, *args: Any, data_only: bool = False, images_only: bool = False, **options: Any) -> None:
        """Run the steps and say how long each took."""
        if not images_only:
            self._prepare_data()
        if not data_only:
            self._prepare_images()

    def _prepare_data(self) -> None:
        began = time.perf_counter()
        file = settings.DATABASES["default"]["NAME"]
        if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        if catalogue.prepare(say=self._say):
            self._say(f"shop data ready in {time.perf_counter() - began:.1f} s")
        else:
            self._say("shop data: nothing to do")

    def _prepare_images(self) -> None:
        # Here, not above: numpy, scipy and Pillow take half a second to import.
        from target_app.shop import images

        if not images.generate(Path(settings.SHOP_IMAGE_DIR), self._say):
            self._say("shop pictures: nothing to do")

    def _say(self, message: str) -> None:
        self.stdout.write(message)
        self.stdout.flush()
