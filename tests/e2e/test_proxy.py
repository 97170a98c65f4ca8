"""Which way a request takes: a connection's proxy or the provider's, and where none is used; and that
manifest, provider and site must all allow its host. The probe sends what it is told to."""

import http.server
import json
import threading

import pytest
from davit_site import BUILD

PROBE = BUILD / "tests" / "providers" / "probe.so"


class Way:
    """A server that answers every request with its name, as a proxy or as the other side."""

    def __init__(self, name):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def ways():
    made = {name: Way(name) for name in ("direct", "provider", "connection")}
    yield made
    for way in made.values():
        way.close()


def urls(ways):
    return [f"http://{host}:{ways['direct'].port}" for host in ("127.0.0.1", "localhost")]


def probe(sites, ways, connections, provider="", net=""):
    """A site with these connections, which all may go to the other side under both its names."""
    listed = {
        f"{name}-{url.split('/')[2].split(':')[0]}": {"type": "PROBE", "url": url, **members}
        for name, members in connections.items()
        for url in urls(ways)
    }
    return sites(
        default="probe",
        providers={
            "probe": f"provider: probe\nplugin: {PROBE}\negress: {json.dumps(urls(ways))}\n"
            f"private_networks: ['127.0.0.0/8']\n{provider}"
        },
        davit=f"net: {{connect_timeout_ms: 500{net}}}\nconnections: {json.dumps(listed)}\n",
    ).start()


def asked(site, ways, connection, host):
    url = f"http://{host}:{ways['direct'].port}/"
    request = {"operation": "probe", "method": "GET", "url": url, "attempts": 1}
    answer = site.service(
        "POST",
        f"/function/execute?adapter_instance={connection}-{host}&project=p",
        {"Script": json.dumps({"request": request, "flags": 0})},
        over_unix=True,
    )
    if answer.status != 200:
        return answer.json()
    return json.loads(answer.json()["logs"]["content"])["body"]


def test_a_request_takes_the_way_that_its_connection_says(sites, ways):
    proxy = f"http://127.0.0.1:{ways['connection'].port}"
    site = probe(
        sites,
        ways,
        {
            "plain": {},
            "own": {"proxy": proxy},
            "but": {"proxy": proxy, "no_proxy": ["10.0.0.0/8", "127.0.0.0/8"]},
            "less": {"no_proxy": ["127.0.0.1"]},
            "bare": {"no_proxy": ["*"]},
        },
        f"proxy: 'http://127.0.0.1:{ways['provider'].port}'\n"
        "no_proxy: [localhost]\n",
    )
    for connection, host, way in (
        ("plain", "127.0.0.1", "provider"),
        ("plain", "localhost", "direct"),  # the provider's list
        ("own", "127.0.0.1", "connection"),
        ("own", "localhost", "connection"),  # that list is of the provider's proxy
        ("but", "127.0.0.1", "direct"),
        ("but", "localhost", "connection"),
        ("less", "127.0.0.1", "direct"),
        ("less", "localhost", "provider"),  # its list is in the place of the provider's
        ("bare", "127.0.0.1", "direct"),
        ("bare", "localhost", "direct"),
    ):
        assert asked(site, ways, connection, host) == way, (connection, host)


def test_a_host_must_be_in_the_list_of_the_site_too(sites, ways):
    good, other = urls(ways)
    site = probe(sites, ways, {"plain": {}}, net=f", egress: ['{good}']")
    assert asked(site, ways, "plain", "127.0.0.1") == "direct"
    said = asked(site, ways, "plain", "localhost")
    assert "egress" in said and "localhost" in said, said
