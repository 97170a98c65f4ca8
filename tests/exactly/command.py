"""What the commands of this folder share: options, what they try, and how they tell it."""

import argparse
import pathlib
import signal
import sys

from cases import FAULTS
from host import BUILD
from lab import read

HERE = pathlib.Path(__file__).resolve().parent


def end_in_order():
    """SIGTERM ends this process as an exception does: with what it started."""

    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what it started is being ended
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)


class Suite:
    """What there is to try of one provider."""

    def __init__(self, name, file, plugin=None):
        self.name, self.told = name, read(file)
        self.plugin = plugin or self.told["plugin"]
        self.cases = {case["name"]: case for case in self.told["cases"]}

    def faults(self):
        return list(FAULTS) if "cloud" in self.told else ["none"]


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
        "--mode", choices=("inline", "worker"), default="inline", help=argparse.SUPPRESS
    )
    made.add_argument("--describe", help=argparse.SUPPRESS)
    made.add_argument("--protocol", choices=("http", "https"), help=argparse.SUPPRESS)
    return made


def parse(name, text, more=lambda made: None):
    """The options; ends where there is nothing to try."""
    made = parser(name, text)
    more(made)
    options = made.parse_args()
    if options.mode == "worker":
        print("--mode worker: this build runs no provider in a process of its own")
        sys.exit(2)
    daemon = BUILD / "host" / "davitd"
    if not daemon.exists() or b"DAVIT_KILL_FILE" not in daemon.read_bytes():
        print(f"{daemon} has no kill points: it is no build for testing")
        sys.exit(2)
    if options.provider:
        options.provider = pathlib.Path(options.provider).resolve()
        options.describe = options.describe or options.provider.with_suffix(".exactly.json")
    return options


def suites_of(options):
    if options.provider:
        name = options.provider.stem
        return {name: Suite(name, options.describe, options.provider)}
    return {name: Suite(name, HERE / f"{name}.json") for name in ("testcloud", "local")}
