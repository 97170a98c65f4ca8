"""What the commands of this folder share: options, what they try, and how they tell it."""

import argparse
import pathlib
import shutil
import signal
import sys
import time

from description import HERE, Suite, Unfit
from host import BUILD, Late, scratch
from lab import Lab


def end_in_order():
    """SIGTERM ends this process as an exception does: with what it started."""

    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what it started is being ended
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)


class Lines:
    """Lines: name value unit, and with a bound: bound ok|short."""

    def __init__(self, prefix):
        self.prefix, self.good = prefix, True

    def line(self, name, value, unit, bound=None, most=False):
        text = f"{self.prefix}_{name} {value} {unit}"
        if bound is not None:
            good = value <= bound if most else value == bound
            text += f" {bound} {'ok' if good else 'short'}"
            self.good = self.good and good
        print(text, flush=True)


class Progress:
    """A line now and then, so that who waits sees that something happens."""

    EVERY_SECONDS = 30

    def __init__(self):
        self.began = self.told = time.monotonic()

    def tell(self, text):
        """text() is told if it is time."""
        now = time.monotonic()
        if now - self.told >= self.EVERY_SECONDS:
            self.told = now
            print(f"    after {now - self.began:.0f} s: {text()}", flush=True)


def parser(name, text):
    made = argparse.ArgumentParser(
        prog=f"./test {name}",
        description=text,
        formatter_class=argparse.RawTextHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    made.add_argument("provider", nargs="?", help=argparse.SUPPRESS)
    made.add_argument("--full", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    made.add_argument(
        "--mode", choices=("inline", "worker"), default="worker", help=argparse.SUPPRESS
    )
    made.add_argument("--describe", help=argparse.SUPPRESS)
    made.add_argument("--protocol", choices=("http", "https"), help=argparse.SUPPRESS)
    return made


def parse(name, text, more=lambda made: None):
    """The options; ends where there is nothing to try."""
    made = parser(name, text)
    more(made)
    options = made.parse_args()
    daemon = BUILD / "host" / "davitd"
    if not daemon.exists() or b"DAVIT_KILL_FILE" not in daemon.read_bytes():
        print(f"{daemon} has no kill points: it is no build for testing")
        sys.exit(2)
    if options.provider:
        options.provider = pathlib.Path(options.provider).resolve()
        options.describe = options.describe or options.provider.with_suffix(".exactly.json")
    return options


def suites_of(options):
    """What is to be tried; ends where that cannot be."""
    try:
        if options.provider:
            name = options.provider.stem
            suites = {name: Suite(name, options.describe, options.provider)}
        else:
            suites = {name: Suite(name, HERE / f"{name}.json") for name in ("testcloud", "local")}
        for suite in suites.values():
            suite.told["isolation"] = options.mode
            loads(suite)
    except Unfit as error:
        print(error)
        sys.exit(2)
    return suites


def loads(suite):
    """Unfit where the daemon does not take the providers of a description, or there is no cloud."""
    folder = scratch("davit-try.")
    lab = None
    try:
        lab = Lab(suite.told, suite.plugin, folder, 1)
        lab.host.start()
        for row in lab.host.request("GET", "/v1/providers").json()["providers"]:
            if row["state"] != "loaded":
                why = row.get("reason")
                raise Unfit(f"{suite.file}: the daemon does not load '{row['id']}': {why}")
    except (AssertionError, Late, OSError, ValueError) as error:
        raise Unfit(f"what {suite.file} describes does not start: {error}") from error
    finally:
        if lab is not None:
            lab.close()
        shutil.rmtree(folder, ignore_errors=True)
