"""What a provider's cases run in: a daemon with it, and its cloud."""

import copy
import random

from description import fill
from host import ACCOUNTS, BUILD, SECRET, Cloud, Host


PATIENCE_MS = 10000  # of the daemon for an answer; a machine with much to do is slow
HURRY_MS = 700  # where no answer will come


class Lab:
    """A daemon with the provider that a description tells of."""

    def __init__(self, told, plugin, folder, seed, protocol="http", timeout_ms=PATIENCE_MS):
        self.told, self.folder = told, folder
        self.dice = random.Random(seed)
        self.provider = "tried"
        self.connected = "connection" in told
        self.numbers = 0
        self.cloud = None
        names = {"build": BUILD, "folder": folder, "secret": SECRET}
        net = {"request_timeout_ms": timeout_ms}
        if "cloud" in told:
            program = told.get("program")
            self.cloud = Cloud(folder, program and fill(program, names), "--seed", str(seed))
            names["endpoint"] = self.cloud.endpoint(protocol)
            net["ca_file"] = self.cloud.said["ca_file"]
        provider = fill(told["provider"], names)
        providers = {"tried": {**provider, "plugin": fill(str(plugin), names)}}
        for name, other in told.get("others", {}).items():
            if isinstance(other, str):  # another plugin for the same
                other = {**copy.deepcopy(provider), "plugin": other}
            providers[name] = fill(other, names)
        connections = {}
        for n in range(ACCOUNTS if self.connected else 0):
            for name in providers:
                connections[f"{name}-{n}"] = {"provider": name, **fill(told["connection"], names)}
        isolation = told.get("isolation", "inline")
        self.host = Host(folder / "site", providers, connections, net, isolation)

    def account(self, provider):
        """A connection that no case used for long, so that its tokens and circuits are new."""
        self.numbers += 1
        return f"{provider}-{self.numbers % ACCOUNTS}"

    def scratch(self):
        """What jobs of this machine write to, too."""
        path = self.host.marks / f"case-{self.numbers}"
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        return path

    def close(self):
        self.host.close()
        if self.cloud is not None:
            self.cloud.close()
