"""Sites whose provider (tests/providers/probe) sends whatever request a test tells it to."""

import json

from cloud import SECRET
from davit_site import BUILD

PROBE = BUILD / "tests" / "providers" / "probe.so"

MUTATES, IDEMPOTENT = 1, 2  # flags of a request


class Probe:
    """A site whose provider may send to these URLs as far as the manifest is concerned."""

    def __init__(self, sites, cloud, urls, networks="", egress=(), davit="", providers=None):
        lists = list(egress) + [origin(url) for url in urls]
        connections = "".join(
            f"  p{n}: {{type: PROBE, url: '{url}', value: {SECRET}}}\n"
            for n, url in enumerate(urls)
        )
        probe = (
            f"provider: probe\nplugin: {PROBE}\n"
            + (f"egress: {json.dumps(lists)}\n" if lists else "")
            + (f"private_networks: {networks}\n" if networks else "")
        )
        self.cloud, self.urls = cloud, list(urls)
        self.site = sites(
            default="probe",
            providers={"probe": probe, **(providers or {})},
            davit=davit or f"net: {{ca_file: '{cloud.ca_file}', connect_timeout_ms: 500}}\n"
            f"connections:\n{connections}  none: {{type: PROBE, value: {SECRET}}}\n",
        ).start()

    def ask(self, url, flags=0, **request):
        """The host's answer {"head","body"}, or why it refused, as (status, text)."""
        name = f"p{self.urls.index(url)}" if url in self.urls else "none"
        request = {"operation": "probe", "method": "GET", "url": url, **request}
        told = {"request": request, "flags": flags}
        answer = self.site.service(
            "POST",
            f"/function/execute?adapter_instance={name}&project=p",
            {"Script": json.dumps(told)},
            over_unix=True,
        )
        if answer.status != 200:
            return answer.status, answer.json()
        return 200, json.loads(answer.json()["logs"]["content"])


def origin(url):
    return "/".join(url.split("/")[:3])
