"""Providers in a process of their own: everything works there, and what happens to that process
happens to no job and to nobody else."""

import concurrent.futures
import contextlib
import errno
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest
from cloud import SECRET, Account, Cloud, site_options
from davit_site import BUILD, wait_for
from endpoints import deploy, infer, make_endpoint, make_model

ECHO = BUILD / "tests" / "providers" / "echo.so"
QUERY = "?adapter_instance=mirror&project=p1"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TESTCLOUD_CLIENT_SECRET": SECRET}
OURS = "isolation: worker\n"


def worker_of(site, provider):
    seen = site.get(f"/v1/providers/{provider}").json()
    assert seen["isolation"] == "worker", seen
    return seen["worker"]


def kill_worker(site, provider):
    pid = worker_of(site, provider)["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def ended(site, job):
    ends = ("succeeded", "failed", "cancelled", "needs_decision")
    return wait_for(
        f"the end of {job}", lambda: (now := site.job(job))["state"] in ends and now
    )


# --- the local provider ---


@pytest.fixture(scope="module")
def local():
    from conftest import Sites

    made = Sites()
    site = made(settings="  shell: true\n")
    site.providers["local"] = OURS + site.providers["local"]
    site.write_configuration()
    yield site.start()
    made.clean_up()


def test_a_training_a_model_and_its_endpoint_go_all_the_way_in_a_worker(local):
    endpoint = make_endpoint(local)
    assert deploy(local, endpoint, {"model": make_model(local, "two")})["state"] == "COMPLETED"
    answer = infer(local, endpoint, {"x": 1})
    assert answer.status == 200 and b"two" in answer.body, answer
    pieces = infer(local, endpoint, {"pieces": ["a", "b"]}, "?native=true")
    assert pieces.status == 200 and pieces.body == b"ab", pieces
    large = infer(local, endpoint, {"bytes": 80 * 65536}, "?native=true")
    assert large.status == 200 and len(large.body) == 80 * 65536
    seen = worker_of(local, "local")
    assert seen["starts"] == 1 and seen["deaths"] == 0, seen
    assert os.readlink(f"/proc/{seen['pid']}/exe").endswith("/davit-worker")


def test_a_killed_worker_comes_back_and_the_local_job_goes_on(local):
    gate = local.marks / "gate"
    effects = local.marks / "effects"
    task = local.execute(f"echo effect >> {effects}; while [ ! -e {gate} ]; do sleep 0.05; done")
    wait_for("the effect", effects.exists)
    pid = kill_worker(local, "local")
    gate.touch()
    assert local.await_status(task)["task_status"] == "COMPLETED"
    assert effects.read_text() == "effect\n"
    seen = worker_of(local, "local")
    assert seen["pid"] != pid and seen["last_death"] == "died by SIGKILL", seen


# --- a cloud ---


@pytest.fixture(scope="module")
def cloud():
    with tempfile.TemporaryDirectory(prefix="davit-cloud.") as folder:
        made = Cloud(folder)
        yield made
        made.close()


@pytest.fixture
def clouded(cloud, sites):
    cloud.ask("POST", "/faults", {"rules": []})
    cloud.ask("POST", "/reset")
    options = site_options(cloud, net="request_timeout_ms: 20000")
    options["providers"]["testcloud"] = OURS + options["providers"]["testcloud"]
    options["davit"] += "workers: {max_deaths: 0}\n"
    return sites(default="testcloud", **options).start(env=ENVIRONMENT)


def test_a_cloud_is_reached_from_a_worker(clouded, cloud):
    account = Account(clouded)
    assert ended(clouded, account.train(run_ms=100))["state"] == "succeeded"
    endpoint = account.deployed()
    answer = account.ask("POST", f"/endpoints/{endpoint}/infer", {"instances": [1]})
    assert answer.status == 200, answer
    assert worker_of(clouded, "testcloud")["deaths"] == 0


@pytest.mark.parametrize("kind", ["train", "automl", "custom_script"])
def test_a_worker_that_is_killed_in_a_submit_makes_no_second_object(clouded, cloud, kind):
    account = Account(clouded)
    assert ended(clouded, account.train(run_ms=0))["state"] == "succeeded"  # it has its token
    made = len(cloud.objects())
    cloud.fails({"fault": "delay", "ms": 1000, "method": "POST", "path": "/v1/jobs", "count": 1})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(account.train, kind, run_ms=0)
        wait_for("the request", cloud.fired)
        pid = kill_worker(clouded, "testcloud")
        job = asked.result()
    assert ended(clouded, job)["state"] == "succeeded"
    assert len(cloud.objects()) == made + 1
    seen = worker_of(clouded, "testcloud")
    assert seen["pid"] != pid and seen["deaths"] == 1, seen


def test_jobs_go_on_while_their_worker_is_killed_again_and_again(clouded, cloud):
    account = Account(clouded)
    cloud.fails({"fault": "delay", "ms": 50, "method": "POST", "path": "/v1/jobs", "every": 2})

    def submit(kind):
        body = {"name": "t", "behaviour": {"run_ms": 20}}
        for _ in range(8):
            answer = account.ask("POST", f"/pipelines/training/{kind}", body)
            assert answer.status in (200, 201, 202, 502, 503), answer

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(submit, kind) for kind in ("train", "automl", "custom_script")]
        while not all(one.done() for one in asked):
            pid = worker_of(clouded, "testcloud").get("pid")
            with contextlib.suppress(ProcessLookupError, TypeError):  # one rests, or is gone
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)  # for something to begin
    for one in asked:
        one.result()
    jobs = clouded.get("/v1/jobs?limit=1000").json()["jobs"]
    assert jobs and all(ended(clouded, job["id"])["state"] == "succeeded" for job in jobs)
    assert len(cloud.objects()) == len(jobs)


def test_a_death_without_a_call_is_noticed(clouded):
    pid = kill_worker(clouded, "testcloud")
    wait_for("the end", lambda: worker_of(clouded, "testcloud")["deaths"] == 1)
    assert not os.path.exists(f"/proc/{pid}")
    assert ended(clouded, Account(clouded).train(run_ms=0))["state"] == "succeeded"


def has_ended(pid):
    """Nobody but the machine's first process waits for what is left of it."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def test_the_end_of_the_daemon_ends_its_workers(clouded):
    pid = worker_of(clouded, "testcloud")["pid"]
    os.kill(pid, signal.SIGSTOP)  # it cannot look after itself
    clouded.kill()
    wait_for("the end of the worker", lambda: has_ended(pid))
    clouded.start(env=ENVIRONMENT)
    pid = worker_of(clouded, "testcloud")["pid"]
    assert clouded.stop() == 0
    assert not os.path.exists(f"/proc/{pid}")


# --- what goes wrong in it ---


@pytest.fixture
def mirror(sites):
    return sites(
        providers={"echo": f"provider: echo\nplugin: {ECHO}\n{OURS}"},
        davit="connections: {mirror: {type: ECHO}}\njobs: {call_timeout_seconds: 2}\ndrain_seconds: 1\n",
    ).start()


def ask(site, path, body=None, method="POST"):
    return site.service(method, path + QUERY, body, over_unix=True)


def quarantined(site):
    seen = site.get("/v1/providers/echo").json()
    return seen if seen["state"] == "quarantined" else None


def lift(site):
    answer = site.post("/v1/providers/echo/lift", over_unix=True)
    assert answer.status == 200, answer
    return answer.json()


def test_a_provider_that_dies_too_often_is_in_quarantine_and_its_job_waits(mirror):
    body = {"name": "t", "behave": "crash"}
    asked = threading.Thread(target=ask, args=(mirror, "/pipelines/training/train", body))
    asked.start()  # it waits for a state of the job
    seen = wait_for("the quarantine", lambda: quarantined(mirror))
    worker = seen["worker"]
    assert worker["deaths"] == 3 and worker["last_death"].startswith("died by SIG"), seen
    assert "pid" not in worker and "WORKER-QUARANTINE" in mirror.log()
    assert "died by SIG" in seen["quarantine"]["cause"] and "fallback" not in seen, seen
    assert "its jobs wait" in seen["reason"] and "providers lift echo" in seen["reason"], seen
    answer = ask(mirror, "/function/execute", {"Script": "x", "Body": {}})
    assert answer.status == 503 and "quarantine" in answer.text, answer
    assert mirror.get("/healthz").status == 200
    job = mirror.get("/v1/jobs?kind=train").json()["jobs"][0]
    assert job["state"] not in ("failed", "succeeded"), job
    assert mirror.stop() == 0
    asked.join()


def test_a_job_waits_with_the_reason_while_there_is_a_quarantine_and_goes_on_after_it(mirror):
    ask(mirror, "/pipelines/training/train", {"name": "t", "behave": "pend:1000"})
    job = mirror.get("/v1/jobs?kind=train").json()["jobs"][0]["id"]
    for _ in range(3):
        pid = wait_for("a worker", lambda: worker_of(mirror, "echo").get("pid"))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: worker_of(mirror, "echo").get("pid") != pid)
    wait_for("the quarantine", lambda: quarantined(mirror))
    wait_for("the reason", lambda: "quarantine" in (mirror.job(job).get("error") or ""))
    mirror.kill()
    mirror.start()
    seen = quarantined(mirror)
    assert seen and seen["worker"]["starts"] == 0, seen
    wait_for("the reason", lambda: "quarantine" in (mirror.job(job).get("error") or ""))
    assert mirror.job(job)["state"] in ("submitting", "running")
    assert ask(mirror, "/function/execute", {"Script": "x", "Body": {}}).status == 503
    assert mirror.post("/v1/providers/echo/lift").status == 403  # not over TCP
    assert mirror.post("/v1/providers/ohce/lift", over_unix=True).status == 404
    began = time.monotonic()
    seen = lift(mirror)
    assert seen["state"] == "loaded" and "quarantine" not in seen, seen
    wait_for("another look at the job", lambda: mirror.job(job).get("error") is None)
    assert time.monotonic() - began < 20  # by the lifting, not by a timer of half a minute
    assert worker_of(mirror, "echo")["starts"] == 1
    assert ask(mirror, f"/pipelines/training/{job}/cancel", method="GET").status == 200
    mirror.stop()
    mirror.start()
    assert not quarantined(mirror)


def test_the_file_of_before_takes_over_and_the_job_ends(sites):
    site = sites(
        providers={"echo": "provider: echo\nplugin: PLACE\n" + OURS},
        davit="connections: {mirror: {type: ECHO}}\n",
    )
    plugin = site.folder / "echo.so"
    site.providers["echo"] = site.providers["echo"].replace("PLACE", str(plugin))
    site.write_configuration()
    shutil.copy(ECHO, plugin)
    site.start()
    old = site.get("/v1/providers/echo").json()
    site.stop()
    plugin.unlink()  # what was loaded is a copy
    shutil.copy(ECHO.with_name("echo_new.so"), plugin)
    site.start()
    assert site.get("/v1/providers/echo").json()["version"] == "2.0.0"

    ask(site, "/pipelines/training/train", {"name": "t", "behave": "crash_if_new"})
    job = site.get("/v1/jobs?kind=train").json()["jobs"][0]["id"]
    assert ended(site, job)["state"] == "succeeded"
    seen = quarantined(site)
    assert seen["version"] == "2.0.0" and seen["quarantine"]["sha256"] == seen["sha256"], seen
    assert seen["fallback"]["version"] == old["version"], seen
    assert seen["fallback"]["sha256"] == old["sha256"] and seen["worker"]["deaths"] == 3, seen
    assert "serves instead" in seen["reason"] and "PROVIDER-FALLBACK" in site.log()

    site.kill()
    site.start()
    seen = quarantined(site)  # it is not forgotten, and nothing of that file is started
    assert seen["fallback"]["sha256"] == old["sha256"] and seen["worker"]["starts"] == 0, seen
    ask(site, "/pipelines/training/train", {"name": "u", "behave": "crash_if_new"})
    jobs = site.get("/v1/jobs?kind=train").json()["jobs"]
    assert len(jobs) == 2 and all(ended(site, one["id"])["state"] == "succeeded" for one in jobs)

    assert lift(site)["state"] == "loaded"
    ask(site, "/pipelines/training/train", {"name": "v"})
    assert worker_of(site, "echo")["starts"] == 1  # the new file, which serves again
    assert site.get("/v1/providers/echo").json()["version"] == "2.0.0"


# --- calls of one that died ---


@pytest.fixture(scope="module")
def lasting():
    """Calls may take a minute, and deaths do not count."""
    from conftest import Sites
    from test_net import Server

    server = Server()
    made = Sites()
    site = made(
        providers={
            "echo": f"provider: echo\nplugin: {ECHO}\n{OURS}settings: {{reach: '{server.url}'}}\n"
            f"egress: ['{server.url}']\nprivate_networks: [127.0.0.0/8]\n"
        },
        davit="connections: {mirror: {type: ECHO}}\nworkers: {max_deaths: 0}\n"
        "net: {request_timeout_ms: 60000}\n",
    )
    site.start().server = server
    yield site
    made.clean_up()
    server.close()


@pytest.fixture
def patient(lasting):
    """The same with a worker that is there, and does not rest from the deaths before."""
    wait_for("a worker", lambda: ask(lasting, "/function/execute", {"Script": "x", "Body": {}}).status == 200)
    return lasting


def made_training(site, words):
    row = ask(site, "/pipelines/training/train", {"name": "t", "behave": words}).json()
    return f"/pipelines/training/{row['id']}/get"


def test_what_only_reads_is_asked_once_more_in_the_next_worker(patient):
    path = made_training(patient, "get=sleep:1500")
    before = worker_of(patient, "echo")["deaths"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, patient, path, method="GET")
        time.sleep(0.5)  # of the 1.5 s in which it cannot have ended
        kill_worker(patient, "echo")
        answer = asked.result()
    assert answer.status == 200, answer
    assert worker_of(patient, "echo")["deaths"] == before + 1
    assert "WORKER-AGAIN" in patient.log()


def test_what_kills_its_worker_each_time_is_asked_twice_and_no_more(patient):
    path = made_training(patient, "get=crash")
    before = worker_of(patient, "echo")["deaths"]
    answer = ask(patient, path, method="GET")
    assert answer.status == 502 and "died by SIG" in answer.text, answer
    assert worker_of(patient, "echo")["deaths"] == before + 2


def test_what_may_change_something_is_not_asked_again(patient):
    before = worker_of(patient, "echo")["deaths"]
    answer = ask(patient, "/function/execute", {"Script": "crash", "Body": {}})
    assert answer.status == 502, answer
    assert worker_of(patient, "echo")["deaths"] == before + 1


def test_a_call_that_waits_in_a_service_hears_at_once_that_its_worker_died(patient):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        body = {"Script": "sleep:30000", "Body": {}}
        asked = pool.submit(ask, patient, "/function/execute", body)
        time.sleep(0.5)  # it sleeps; and if it did not yet, it would be answered as soon
        began = time.monotonic()
        kill_worker(patient, "echo")
        answer = asked.result()
    assert answer.status == 502 and "died by SIGKILL" in answer.text, answer
    assert time.monotonic() - began < 15


def test_a_request_is_given_up_when_the_worker_that_waits_for_it_died(patient):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        path = f"/endpoints/e1/infer{QUERY}&native=true"
        words = f"fetch {patient.server.url}/never".encode()
        headers = {"Content-Type": "text/plain"}
        asked = pool.submit(patient.service, "POST", path, words, headers=headers, over_unix=True)
        connection, _ = patient.server.next()
        began = time.monotonic()
        kill_worker(patient, "echo")
        answer = asked.result()
    assert answer.status == 502 and "died by SIGKILL" in answer.text, answer
    assert connection.recv(1) == b""  # and nobody keeps the other side waiting
    assert time.monotonic() - began < 15
    connection.close()


def memory_of(pid):
    """What is written in the memory of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            begin, end = (int(word, 16) for word in place.split("-"))
            if not rights.startswith("rw") or end - begin > 1 << 28:
                continue
            with contextlib.suppress(OSError, OverflowError):
                memory.seek(begin)
                yield memory.read(end - begin)


@pytest.mark.skipif("san" in BUILD.name, reason="a sanitizer keeps what was freed")
def test_nothing_of_a_call_is_left_in_the_memory_of_its_worker(patient):
    marker = "no-trace-" + "".join(random.choices("abcdefghijkmnopqrstuvwxyz", k=24))
    for pad in ("", "x" * 20000):  # near and far
        body = {"Script": f"{pad} {marker}", "Body": {"text": marker}}
        assert ask(patient, "/function/execute", body).status == 200
    pid = worker_of(patient, "echo")["pid"]
    assert not any(marker.encode() in part for part in memory_of(pid))


# --- a hostile one ---

HOSTILE = BUILD / "tests" / "providers" / "hostile.so"
TWO = "sent what is no frame"  # where the next one came so soon that it was read with it
DEEDS = "?adapter_instance=wild&project=p1"


@pytest.fixture(scope="module")
def wild():
    from conftest import Sites

    made = Sites()
    site = made(
        providers={"hostile": f"provider: hostile\nplugin: {HOSTILE}\n{OURS}max_memory_bytes: 268435456\n"},
        davit="connections: {wild: {type: HOSTILE}}\njobs: {call_timeout_seconds: 2}\n"
        "workers: {max_deaths: 0}\n",
    )
    yield site.start()
    made.clean_up()


def do(site, word):
    body = {"Script": word, "Body": {}}
    return site.service("POST", "/function/execute" + DEEDS, body, over_unix=True)


def number(answer):
    assert answer.status == 200, answer
    return int(answer.json()["logs"]["content"])


def others_are_served(site):
    assert site.get("/healthz").status == 200
    assert site.get("/v1/jobs").status == 200


@pytest.mark.parametrize(
    "word, cause",
    [
        ("segv", "died by SIGSEGV"),
        ("abort", "died by SIG(ILL|TRAP)"),
        ("overflow", "died by SIGSEGV"),
        ("leave", "ended by itself with the status 3"),
        ("garbage", "was ended: it sent what is no frame"),
        ("wrong_service", f"was ended: it ({TWO}|asked for a service that it was not given)"),
        ("wrong_arguments", f"was ended: it ({TWO}|asked for a service with arguments that)"),
        ("long_frame", "was ended: it sent what is no frame"),
    ],
)
def test_what_a_provider_does_to_itself_ends_its_worker_alone(wild, word, cause):
    before = worker_of(wild, "hostile")
    answer = do(wild, word)
    assert answer.status == 502, answer
    assert re.search(f"the worker of provider 'hostile' {cause}", answer.text), answer
    seen = worker_of(wild, "hostile")
    assert seen["deaths"] == before["deaths"] + 1 and re.match(cause, seen["last_death"]), seen
    others_are_served(wild)
    assert do(wild, "nothing").status == 200


def test_the_next_worker_waits_for_no_call_where_one_was_cut_off(wild):
    assert do(wild, "nothing").status == 200
    before = worker_of(wild, "hostile")
    assert do(wild, "segv").status == 502
    seen = worker_of(wild, "hostile")
    assert seen["starts"] == before["starts"] + 1 and seen["pid"] != before["pid"], seen


@pytest.mark.parametrize("word", ["loop", "busy", "sleep", "drip"])
def test_a_provider_that_does_not_return_is_ended_and_others_are_served_meanwhile(wild, word):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(do, wild, word)
        while not asked.done():
            others_are_served(wild)
    answer = asked.result()
    assert answer.status == 502 and "execute did not return in time" in answer.text, answer
    assert do(wild, "nothing").status == 200


@pytest.mark.parametrize("word", ["oversized", "huge", "reply_twice"])
def test_a_wrong_answer_is_an_error_of_its_call_alone(wild, word):
    before = worker_of(wild, "hostile")["deaths"]
    answer = do(wild, word)
    assert answer.status == 500, answer
    assert "PROVIDER-CONTRACT" in wild.log()
    assert worker_of(wild, "hostile")["deaths"] == before
    others_are_served(wild)


def test_a_reply_to_a_call_that_has_ended_counts_for_nothing(wild):
    before = worker_of(wild, "hostile")["deaths"]
    answer = do(wild, "return_twice")
    assert answer.status in (200, 502), answer
    again = do(wild, "nothing")  # on the same way, if it was fast enough
    assert again.status == 502 or number(again) == 0, again
    assert number(do(wild, "nothing")) == 0
    assert worker_of(wild, "hostile")["deaths"] == before + 1


@pytest.mark.parametrize(
    "word", ["socket", "open", "fork", "exec", "ptrace", "kill", "read_memory"]
)
def test_a_raw_system_call_is_refused(wild, word):
    assert number(do(wild, "nothing")) == 0
    before = worker_of(wild, "hostile")
    answer = do(wild, word)
    assert -number(answer) in (errno.EPERM, errno.EACCES, errno.ENOSYS), (word, answer)
    others_are_served(wild)
    assert worker_of(wild, "hostile")["pid"] == before["pid"]


def test_memory_and_descriptors_have_an_end(wild):
    if "lifted" in worker_of(wild, "hostile")["sandbox"]["limits"]:
        pytest.skip("a sanitizer cannot live with a limit of memory")
    assert do(wild, "memory").status == 200
    others_are_served(wild)
    with open(f"/proc/{worker_of(wild, 'hostile')['pid']}/limits", encoding="ascii") as limits:
        assert re.search(r"^Max open files +4096 +4096 ", limits.read(), re.MULTILINE)
    do(wild, "descriptors")
    assert do(wild, "nothing").status == 200


def test_a_worker_that_is_silent_is_ended_and_its_calls_with_it(sites):
    site = sites(
        providers={"hostile": f"provider: hostile\nplugin: {HOSTILE}\n{OURS}"},
        davit="connections: {wild: {type: HOSTILE}}\nworkers: {silent_seconds: 1}\n",
    ).start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(do, site, "sleep")
        pid = worker_of(site, "hostile")["pid"]
        os.kill(pid, signal.SIGSTOP)
        answer = asked.result()
    assert answer.status == 502 and "it did not answer for 1 s" in answer.text, answer
    assert not os.path.exists(f"/proc/{pid}")  # before anybody was told
    others_are_served(site)
    assert do(site, "nothing").status == 200
    assert worker_of(site, "hostile")["deaths"] == 1


def test_a_service_that_needs_a_grant_is_not_given_without(wild):
    assert number(do(wild, "no_grant")) == 0


def test_the_sandbox_is_shown_and_a_site_may_demand_one(wild, sites):
    sandbox = worker_of(wild, "hostile")["sandbox"]
    assert sandbox["level"] in ("none", "partial", "full") and sandbox["seccomp"], sandbox
    site = sites(
        providers={"hostile": f"provider: hostile\nplugin: {HOSTILE}\n{OURS}"},
        davit="min_sandbox: full\n",
    ).start()
    seen = site.get("/v1/providers/hostile").json()
    assert seen["state"] == ("loaded" if sandbox["level"] == "full" else "refused"), seen


def test_workers_that_die_while_the_daemon_ends_do_not_take_it_with_them(sites):
    """One takes its time to end, and the other dies meanwhile."""
    slow = f"provider: hostile\nplugin: {HOSTILE}\n{OURS}settings: {{slow_end: true}}\n"
    probe = f"provider: probe\nplugin: {HOSTILE.with_name('probe.so')}\n{OURS}"
    site = sites(providers={"hostile": slow, "probe": probe}).start()
    tasks = pathlib.Path(f"/proc/{worker_of(site, 'hostile')['pid']}/task")
    pid = worker_of(site, "probe")["pid"]
    site.process.terminate()
    wait_for(
        "the end of the first",
        lambda: any(task.read_text().startswith("230 ") for task in tasks.glob("*/syscall")) or None,
    )  # clock_nanosleep
    os.kill(pid, signal.SIGKILL)
    assert site.process.wait(20) == 0, site.log()


def test_a_provider_without_a_sandbox_is_refused_where_a_site_demands_one(sites):
    text = f"provider: echo\nplugin: {ECHO}\nisolation: inline\n"
    site = sites(providers={"echo": text}, davit="min_sandbox: partial\n").start()
    seen = site.get("/v1/providers/echo").json()
    assert seen["state"] == "refused" and "min_sandbox asks for 'partial'" in seen["reason"], seen


def test_a_provider_that_is_not_for_the_daemon_is_refused_there(sites):
    site = sites(
        providers={"hostile": f"provider: hostile\nplugin: {HOSTILE}\nisolation: inline\n"}
    ).start()
    seen = site.get("/v1/providers/hostile").json()
    assert seen["state"] == "refused" and "isolation: inline" in seen["reason"], seen


def test_the_program_links_nothing_but_the_c_library():
    program = BUILD / "host" / "worker" / "davit-worker"
    shown = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*?)\.so", shown.stdout))
    extra = {name for name in needed if not re.match(r"(libc|libm|ld-linux.*|lib[atu]\w*san)$", name)}
    if not any("san" in name for name in needed):
        assert not extra, needed
