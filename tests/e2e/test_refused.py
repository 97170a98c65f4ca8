"""What the tables of a file say against its manifest, and how a file may be linked."""

import pytest
from davit_site import BUILD

FOLDER = BUILD / "tests" / "providers"
SANITIZED = "san" in BUILD.name

REASONS = {
    "slot_missing": "its manifest lists explain of davit.prediction",
    "slot_unlisted": "its manifest does not list it",
    "interface_missing": "davit.functions/1",
    "constructor": "runs while it is loaded",
    "needs_library": "libcurl",
}


def described(sites, name):
    file = FOLDER / f"{name}.so"
    assert file.exists(), file
    site = sites(providers={"bad": f"provider: bad\nplugin: {file}\n"}).start()
    return {p["id"]: p for p in site.get("/v1/providers").json()["providers"]}["bad"]


@pytest.mark.parametrize("name, reason", REASONS.items())
def test_a_file_with_one_fault_is_refused_and_says_which(sites, name, reason):
    if SANITIZED and name in ("constructor", "needs_library"):
        pytest.skip("instrumented files have constructors and libraries of their own")
    bad = described(sites, f"refused_{name}")
    assert bad["state"] == "refused" and reason in bad["reason"], bad


def test_the_start_files_of_the_compiler_are_no_fault(sites):
    if SANITIZED:
        pytest.skip("instrumented files have constructors of their own")
    bad = described(sites, "accepted_by_hand")
    assert bad["state"] == "loaded", bad
