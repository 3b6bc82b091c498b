"""``python -m rig`` is ``rig``."""

from rig.cli.main import main

main()
