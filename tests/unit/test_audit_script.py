"""script/audit.py: vulnerabilities are found, and an audit that was not made is never called clean."""

import json
import runpy
from pathlib import Path

import pytest

AUDIT = runpy.run_path(str(Path(__file__).parents[2] / "script" / "audit.py"))
Unanswered = AUDIT["UnansweredError"]


def test_python_packages_with_and_without_a_vulnerability():
    clean = {"name": "django", "version": "5.2", "vulns": []}
    bad = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}
    assert AUDIT["judge_python"](json.dumps({"dependencies": [clean, bad]}), "") == (2, ["PYSEC-1 pillow 1.0"])


@pytest.mark.parametrize(
    "out",
    ["", '{"dependencies": []}', '{"dependencies": [{"name": "django", "skip_reason": "not found"}]}'],
)
def test_python_packages_that_were_passed_over_are_not_clean(out):
    """pip-audit exits 0 when it has found none of the packages at its source."""
    with pytest.raises(Unanswered):
        AUDIT["judge_python"](out, "connection refused")


def test_npm_counts_high_and_critical_only():
    found = {name: {"severity": name} for name in ("low", "moderate", "high", "critical")}
    said = {"vulnerabilities": found, "metadata": {"dependencies": {"total": 90}}}
    assert AUDIT["judge_npm"](json.dumps(said), "") == (90, ["high (high)", "critical (critical)"])


def test_npm_without_an_answer_of_the_registry_is_not_clean():
    with pytest.raises(Unanswered, match="405"):
        AUDIT["judge_npm"]('{"message": "405 Method Not Allowed", "error": {}}', "")


def test_the_exit_code_is_1_for_a_vulnerability_3_where_nobody_answered_0_for_clean(capsys):
    main = AUDIT["main"].__globals__
    kept = main["ask_python"], main["ask_npm"]

    def unanswered():
        raise Unanswered("405")

    try:
        for asked, code in (((2, []), 0), ((2, ["PYSEC-1 pillow 1.0"]), 1)):
            main["ask_python"] = main["ask_npm"] = lambda asked=asked: asked
            assert main["main"]() == code
        main["ask_npm"] = unanswered
        assert main["main"]() == 1
        main["ask_python"] = lambda: (2, [])
        assert main["main"]() == 3
        main["EXPLAINED"]["PYSEC-1"] = "not used here"
        main["ask_python"] = main["ask_npm"] = lambda: (2, ["PYSEC-1 pillow 1.0"])
        assert main["main"]() == 0
    finally:
        main["EXPLAINED"].clear()
        main["ask_python"], main["ask_npm"] = kept
    assert "npm packages: could not ask: 405" in capsys.readouterr().out
