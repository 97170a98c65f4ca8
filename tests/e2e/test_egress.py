"""Where a provider's requests may go: whatever a provider, a redirect or a name server says,
nothing reaches an address that the site has not allowed. The provider (tests/providers/probe) sends
what a test tells it to; the fake cloud counts who connected."""

import tempfile

import pytest
from cloud import SECRET, Cloud, site_options
from conftest import Sites
from probe import Probe

# Hosts that mean this machine, another one of the site, or where machines ask for credentials.
FORBIDDEN = [
    "127.0.0.1",
    "127.8.8.8",
    "localhost",
    "any.localhost",
    "LOCALHOST.",
    "0.0.0.0",
    "0",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "017700000001",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd12::1]",
    "[ff02::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
]

METADATA = [
    "169.254.169.254",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "169.254.170.2",
    "100.100.100.200",
    "[fd00:ec2::254]",
]


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


@pytest.fixture(scope="module")
def sites():
    made = Sites()
    yield made
    made.clean_up()


@pytest.fixture(scope="module")
def strict(sites, cloud):
    """All these hosts are named by manifest and site, and no network is."""
    urls = [f"http://{host}:{cloud.plain_port}/v1/jobs" for host in FORBIDDEN + METADATA]
    return Probe(sites, cloud, urls)


@pytest.fixture(scope="module")
def open_site(sites, cloud):
    """The same, and every network is."""
    urls = [f"http://{host}:{cloud.plain_port}/v1/jobs" for host in METADATA]
    return Probe(sites, cloud, urls, "['0.0.0.0/0', '::/0']")


@pytest.fixture(scope="module")
def usual(sites, cloud):
    """May send to the cloud and to what it redirects to."""
    urls = [f"https://localhost:{cloud.port}/start", "https://10.0.0.1/", "http://169.254.169.254/"]
    words = ("expired", "wrong", "untrusted", "other")
    names = [f"https://{word}.localhost:{cloud.port}" for word in words]
    return Probe(sites, cloud, urls, "['127.0.0.0/8']", names)


def connections(cloud):
    return cloud.stats()["connections"]["all"]["made"]


def refused(cloud, probe, url, words=()):
    before = connections(cloud)
    status, text = probe.ask(url)
    assert status == 502 and all(word in text for word in words), (status, text)
    assert connections(cloud) == before


@pytest.mark.parametrize("host", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(cloud, strict, host):
    refused(cloud, strict, f"http://{host}:{cloud.plain_port}/v1/jobs", ["private_networks"])


@pytest.mark.parametrize("host", METADATA)
def test_a_metadata_address_needs_a_grant_too(cloud, strict, open_site, host):
    url = f"http://{host}:{cloud.plain_port}/v1/jobs"
    refused(cloud, strict, url)
    refused(cloud, open_site, url, ["metadata"])


def test_a_host_that_the_manifest_does_not_name_is_refused(cloud, usual):
    refused(cloud, usual, "https://elsewhere.example/", ["elsewhere.example", "manifest"])


def test_a_host_that_the_site_does_not_name_is_refused(cloud, usual):
    refused(cloud, usual, f"https://more.localhost:{cloud.port}/", ["more.localhost", "egress"])


def test_plain_http_needs_an_entry_of_its_own(cloud, usual):
    refused(cloud, usual, f"http://localhost:{cloud.port}/start")


def test_another_port_needs_an_entry_of_its_own(cloud, usual):
    refused(cloud, usual, f"https://localhost:{cloud.plain_port}/start")


STRANGE = ["file:///etc/passwd", "ftp://localhost/", "gopher://localhost/", "/etc/passwd", ""]


@pytest.mark.parametrize("url", STRANGE)
def test_only_http_is_spoken(usual, url):
    status, text = usual.ask(url)
    assert status in (400, 502) and "root:" not in text, (status, text)


def test_a_name_with_a_good_and_a_bad_address_never_reaches_the_bad_one(sites, cloud):
    """As of a name server that rebinds: localhost is ::1, where nobody listens, and 127.0.0.1."""
    url = f"http://localhost:{cloud.plain_port}/v1/jobs"
    probe = Probe(sites, cloud, [url], "['::1/128']")
    before = connections(cloud)
    status, text = probe.ask(url, attempts=1)
    assert status != 200, text
    assert connections(cloud) == before


def test_of_a_name_with_a_bad_and_a_good_address_the_good_one_serves(cloud, usual):
    status, answer = usual.ask(f"https://localhost:{cloud.port}/start")
    assert status == 200 and answer["head"]["status"] == 401, answer


def test_a_connection_that_another_provider_opened_is_not_inherited(sites, cloud):
    url = f"https://localhost:{cloud.port}/v1/jobs"
    options = site_options(cloud)
    davit = options["davit"].replace(
        "connections:\n", f"connections:\n  p0: {{type: PROBE, url: '{url}', value: x}}\n"
    )
    probe = Probe(sites, cloud, [url], davit=davit, providers=options["providers"])
    query = "?adapter_instance=a0&project=p"
    answer = probe.site.service("GET", "/datasets/list" + query, over_unix=True)
    assert answer.status == 200, answer
    seen = cloud.stats()["requests"]
    status, text = probe.ask(url)
    assert status == 502 and "private_networks" in text, (status, text)
    assert cloud.stats()["requests"] == seen


# --- redirects ---


def redirect(cloud, location, status=302):
    fault = {"fault": "status", "status": status, "headers": {"Location": location}}
    cloud.fails({"path": "/start", **fault})


def test_a_redirect_is_an_answer_unless_it_is_to_be_followed(cloud, usual):
    redirect(cloud, "/v1/jobs")
    status, answer = usual.ask(usual.urls[0])
    assert answer["head"]["status"] == 302 and answer["head"]["headers"]["location"] == "/v1/jobs"


def test_a_redirect_to_an_allowed_host_is_followed(cloud, usual):
    redirect(cloud, f"https://other.localhost:{cloud.port}/v1/jobs")
    status, answer = usual.ask(usual.urls[0], follow=1)
    assert status == 200 and answer["head"]["status"] == 401, answer


LOCATIONS = [
    "https://10.0.0.1/",
    "http://169.254.169.254/",
    "https://elsewhere.example/",
    "https://[::ffff:10.0.0.1]/",
    "//127.0.0.1/",
    "file:///etc/passwd",
    "ftp://localhost/",
    "javascript:0",
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_to_a_forbidden_place_is_refused(cloud, usual, location):
    redirect(cloud, location)
    status, text = usual.ask(usual.urls[0], follow=5)
    assert status == 502, (status, text)


def test_redirects_end(cloud, usual):
    redirect(cloud, "/start")
    status, answer = usual.ask(usual.urls[0], follow=5)
    assert status == 502 or answer["head"]["status"] == 302, answer
    assert cloud.fired() == 6


def test_a_request_with_a_secret_follows_no_redirect(cloud, usual):
    redirect(cloud, f"https://other.localhost:{cloud.port}/v1/jobs")
    headers = [["X-Key", ["key ", "SECRET"]]]
    status, answer = usual.ask(usual.urls[0], follow=5, headers=headers)
    assert status != 200 or answer["head"]["status"] == 302, answer
    assert cloud.fired() == 1
    assert cloud.requests("/start")[-1]["headers"]["x-key"] == f"key {SECRET}"


# --- the environment of the daemon ---


def test_nobody_gets_the_keys_of_its_connections(sites, cloud, monkeypatch, tmp_path):
    """libcurl would write them there; who has them reads what was sent."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    url = f"https://localhost:{cloud.port}/v1/jobs"
    probe = Probe(sites, cloud, [url], "['127.0.0.0/8']")
    status, answer = probe.ask(url)
    assert status == 200 and answer["head"]["status"] == 401, answer
    probe.site.stop()
    assert not (tmp_path / "keys").exists()


# --- certificates ---


@pytest.mark.parametrize("name", ["expired", "wrong", "untrusted"])
def test_a_certificate_that_is_not_right_is_refused(cloud, usual, name):
    status, text = usual.ask(f"https://{name}.localhost:{cloud.port}/")
    assert status == 502 and "certificate" in text, (status, text)


def test_an_authority_that_the_site_does_not_know_is_refused(sites, cloud):
    url = f"https://localhost:{cloud.port}/start"
    probe = Probe(
        sites, cloud, [url], "['127.0.0.0/8']",
        davit=f"connections: {{p0: {{type: PROBE, url: '{url}', value: x}}}}\n",
    )
    status, text = probe.ask(url)
    assert status == 502 and "certificate" in text, (status, text)
