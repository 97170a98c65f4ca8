"""Requests of a provider to another machine, through the daemon (tests/providers/echo asks a server
of the test). The server waits for a sign between two pieces, so that nothing depends on time."""

import queue
import socket
import threading

import pytest
from davit_site import BUILD, UnixConnection, refused

ECHO = BUILD / "tests" / "providers" / "echo.so"
INFER = "/api/service/v1/endpoints/e1/infer?adapter_instance=mirror&project=p1&native=true"


class Server:
    """Each connection is an item of `came`: (socket, request line)."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.came = queue.Queue()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                some = connection.recv(65536)
                if not some:
                    break
                head += some
            if head:
                self.came.put((connection, head.split(b"\r\n")[0].decode()))

    def next(self):
        connection, line = self.came.get(timeout=30)
        connection.settimeout(30)
        return connection, line

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.close()


def echo_file(server, more=""):
    return (
        f"provider: echo\nplugin: {ECHO}\nmax_calls: 64\nsettings: {{reach: '{server.url}'}}\n"
        f"egress: ['{server.url}']\nprivate_networks: [127.0.0.0/8]\n{more}"
    )


@pytest.fixture(scope="module")
def mirror(server):
    from conftest import Sites

    made = Sites()
    yield made(
        providers={"echo": echo_file(server)},
        davit="connections: {mirror: {type: ECHO}}\n",
    ).start()
    made.clean_up()


class Asked:
    """A prediction that is read step by step."""

    def __init__(self, site, body):
        self.connection = UnixConnection(site.socket_path, 30)
        self.connection.request("POST", INFER, body.encode(), {"Content-Type": "text/plain"})

    def begin(self):
        self.answer = self.connection.getresponse()
        return self.answer

    def close(self):
        self.connection.close()


def infer(site, body):
    return site.request(
        "POST", INFER, body.encode(), {"Content-Type": "text/plain"}, over_unix=True
    )


def chunk(text):
    return b"%x\r\n%s\r\n" % (len(text), text)


EVENTS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def test_events_of_another_machine_arrive_one_by_one(mirror, server):
    asked = Asked(mirror, f"fetch {server.url}/events")
    other, line = server.next()
    assert line == "GET /events HTTP/1.1"
    other.sendall(EVENTS + chunk(b"data: 0\n\n"))
    answer = asked.begin()
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/event-stream"
    for i in range(3):
        assert answer.read1(65536) == b"data: %d\n\n" % i
        other.sendall(chunk(b"data: %d\n\n" % (i + 1)))
    assert answer.read1(65536) == b"data: 3\n\n"
    other.sendall(chunk(b""))
    assert answer.read() == b""
    other.close()  # or it would be used again
    asked.close()


def test_a_status_of_another_machine_is_passed_on(mirror, server):
    asked = Asked(mirror, f"fetch {server.url}/none")
    other, _ = server.next()
    other.sendall(b"HTTP/1.1 404 No\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nnone")
    answer = asked.begin()
    assert answer.status == 404 and b"none" in answer.read()
    other.close()
    asked.close()


def test_a_client_that_goes_away_ends_the_request_there(mirror, server):
    asked = Asked(mirror, f"fetch {server.url}/events")
    other, _ = server.next()
    other.sendall(EVENTS + chunk(b"data: 0\n\n"))
    asked.begin().read1(65536)
    asked.close()
    assert other.recv(1) == b""  # within its 30 s


def test_so_it_does_while_no_answer_has_begun(mirror, server):
    asked = Asked(mirror, f"fetch {server.url}/silent")
    other, _ = server.next()
    asked.close()
    assert other.recv(1) == b""


def test_a_slow_client_slows_the_other_machine_down(mirror, server):
    asked = Asked(mirror, f"fetch {server.url}/flood")
    other, _ = server.next()
    other.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n")
    answer = asked.begin()
    other.settimeout(1)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 64 * 1024 * 1024:
            sent += other.send(bytes(65536))
    assert sent < 64 * 1024 * 1024
    got = 0
    other.settimeout(30)
    other.shutdown(socket.SHUT_WR)
    while some := answer.read1(65536):
        got += len(some)
    assert got == sent
    asked.close()


def test_a_change_without_an_answer_is_not_sent_again(mirror, server):
    asked = Asked(mirror, f"send {server.url}/change")
    other, line = server.next()
    assert line == "POST /change HTTP/1.1"
    other.close()
    assert asked.begin().status == 500
    asked.close()
    assert server.came.empty()


def test_where_a_provider_may_not_go_nothing_is_sent(mirror, server):
    for url in ("http://127.0.0.2:1/", "https://other.example/", "http://localhost:1/"):
        answer = infer(mirror, f"fetch {url}")
        assert answer.status == 502, answer
        assert "egress" in answer.text, answer
    assert server.came.empty()


def test_a_private_address_needs_the_sites_leave(sites, server):
    site = sites(
        providers={"echo": echo_file(server).replace("private_networks: [127.0.0.0/8]\n", "")},
        davit="connections: {mirror: {type: ECHO}}\n",
    ).start()
    answer = infer(site, f"fetch {server.url}/events")
    assert answer.status == 502, answer
    assert "private_networks" in answer.text, answer
    assert server.came.empty()


def test_the_end_of_the_daemon_ends_its_requests(sites, server):
    site = sites(
        providers={"echo": echo_file(server)},
        davit="connections: {mirror: {type: ECHO}}\ndrain_seconds: 0\n",
    ).start()
    asked = [Asked(site, f"fetch {server.url}/silent") for _ in range(20)]
    others = [server.next()[0] for _ in asked]
    assert site.stop() == 0
    assert all(other.recv(1) == b"" for other in others)
    for one in asked:
        one.close()


@pytest.mark.parametrize(
    "more, words",
    [
        ("egress: ['a b']\n", "egress"),
        ("private_networks: [10.0.0.0/33]\n", "private_networks"),
        ("private_networks: [10.0.0.1/8]\n", "private_networks"),
        ("egress: []\n", "at least one"),
    ],
)
def test_a_list_that_says_nothing_ends_the_start(sites, more, words):
    site = sites(providers={"echo": f"provider: echo\nplugin: {ECHO}\n{more}"})
    said = refused(site)
    assert "echo.yaml" in said and words in said, said


def test_a_wrong_ca_file_ends_the_start(sites):
    assert "net.ca_file" in refused(sites(davit="net: {ca_file: none.pem}\n"))
    assert "net: egress" in refused(sites(davit="net: {egress: ['a b']}\n"))
