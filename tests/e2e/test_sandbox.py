"""Attacks by a job of this machine: what is the daemon's, or another job's, is out of reach."""

import os
import pathlib
import sys

import pytest

from davit_site import BUILD, MARKS, wait_for

NOBODY = 65534

# A daemon that is root; an ordinary user's, where user namespaces are allowed; and one on a machine
# that allows neither: as in many containers, it is root in name and may do nothing a root may.
WAYS = {
    "root": [],
    "user": ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"],
    "bare": [
        "unshare", "--user", "--map-root-user", "sh", "-c",
        'echo 0 >/proc/sys/user/max_user_namespaces; '
        'exec setpriv --bounding-set=-all --inh-caps=-all "$@"', "sh",
    ],
}

NO_LANDLOCK = [sys.executable, str(pathlib.Path(__file__).with_name("without_landlock.py"))]

# Says "done" or how it was refused. Written so that it could work: see the control below.
ATTACK = """
import ctypes, os, signal, socket, sys
def attack():
{body}
try:
    attack()
    print("ATTACK done")
except OSError as error:
    print("ATTACK refused", error.errno, error.strerror)
except ConnectionError as error:
    print("ATTACK refused", error)
"""


class Attacked:
    """A site with a job of somebody else that runs, and jobs that attack."""

    def __init__(self, sites, way, davit="", before=()):
        self.site = sites(
            settings="  shell: true\n",
            davit=f"processes: {{write_paths: [{MARKS}]{davit}}}\n",
        )
        self.site.wrapper = [*WAYS[way], *before]
        if way == "user":
            for path in [self.site.folder, *self.site.folder.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
        self.site.start()
        self.victim = self.site.execute("echo theirs >secret; exec sleep 1000")
        self.folder = self.site.folder / "data" / "processes" / self.victim
        wait_for("the other job", (self.folder / "work" / "secret").exists)

    def run(self, body):
        script = self.site.marks / "attack.py"
        script.write_text(ATTACK.format(body="".join(f"    {line}\n" for line in body.splitlines())))
        task = self.site.execute(f"python3 {script}")
        self.status = self.site.await_status(task)
        self.applied = ((self.site.job(task).get("result") or {}).get("applied") or {}).get("sandbox")
        said = [line for line in self.site.task_log(task).splitlines() if "ATTACK" in line]
        assert said, (self.status, self.site.task_log(task))
        return said[-1].removeprefix("ATTACK ")


def has_landlock():
    import ctypes

    return ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1) > 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="starts daemons as others")


@pytest.fixture(scope="module", params=list(WAYS))
def attacked(request):
    from conftest import Sites

    if os.geteuid() != 0 and request.param != "user":
        pytest.skip("needs root")
    made = Sites()
    yield Attacked(made, request.param)
    made.clean_up()


@pytest.fixture(scope="module")
def open_site():
    from conftest import Sites

    made = Sites()
    yield Attacked(made, "root", ", sandbox: false")
    made.clean_up()


def reading(path):
    return f"open({str(path)!r}, 'rb').read(1)"


def finding(name, folder):
    return f"if {name!r} not in os.listdir({str(folder)!r}):\n    raise FileNotFoundError(2, 'hidden')"


def supervisor(attacked):
    return int((attacked.folder / "lock").read_text())


ATTACKS = {
    "the database": lambda a: reading(a.site.folder / "data" / "davit.db"),
    "the database, to write": lambda a: f"open({str(a.site.folder / 'data' / 'davit.db')!r}, 'r+b')",
    "the key": lambda a: reading(a.site.folder / "data" / "secret.key"),
    "the data folder": lambda a: finding("davit.db", a.site.folder / "data"),
    "the configuration": lambda a: reading(a.site.folder / "davit.yaml"),
    "another job's folder": lambda a: finding("spec.json", a.folder),
    "another job's file": lambda a: reading(a.folder / "work" / "secret"),
    "the folder of all jobs": lambda a: finding(a.victim, a.folder.parent),
    "the daemon's environment": lambda a: reading(f"/proc/{a.site.process.pid}/environ"),
    "the daemon's memory": lambda a: f"open('/proc/{a.site.process.pid}/mem', 'r+b')",
    "the daemon's files": lambda a: f"os.readlink('/proc/{a.site.process.pid}/fd/0')",
    "the daemon's root": lambda a: f"os.listdir('/proc/{a.site.process.pid}/root')",
    "a supervisor's memory": lambda a: f"open('/proc/{supervisor(a)}/mem', 'r+b')",
    "a supervisor's environment": lambda a: reading(f"/proc/{supervisor(a)}/environ"),
    "tracing the daemon": lambda a: (
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"if libc.ptrace(16, {a.site.process.pid}, None, None) != 0:\n"
        "    raise OSError(ctypes.get_errno(), 'ptrace')\n"
        f"os.waitpid({a.site.process.pid}, 0x40000000)\n"
        f"libc.ptrace(17, {a.site.process.pid}, None, None)"
    ),
    "a signal to the daemon": lambda a: f"os.kill({a.site.process.pid}, 0)",
    "a limit of the daemon": lambda a: (
        "import resource\n"
        f"resource.prlimit({a.site.process.pid}, resource.RLIMIT_CORE, (0, 0))"
    ),
    "the daemon's CPUs": lambda a: f"os.sched_setaffinity({a.site.process.pid}, {{0}})",
    "the daemon's priority": lambda a: f"os.setpriority(os.PRIO_PROCESS, {a.site.process.pid}, 1)",
    "a supervisor's scheduling": lambda a: (
        f"os.sched_setscheduler({supervisor(a)}, os.SCHED_BATCH, os.sched_param(0))"
    ),
    "the daemon's Unix socket": lambda a: (
        f"s = socket.socket(socket.AF_UNIX)\ns.connect({a.site.socket_path!r})"
    ),
    "another job's supervisor": lambda a: (
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.connect({str(a.site.folder / 'data' / 'run' / (a.victim + '.ctl'))!r})"
    ),
    "the loopback admin surface": lambda a: (
        f"socket.create_connection(('127.0.0.1', {a.site.port}), 5)"
    ),
    "its own record": lambda a: "open('../exit.json', 'w')",
}


@pytest.mark.parametrize("what", ATTACKS)
def test_an_attack_is_refused(attacked, what):
    assert attacked.run(ATTACKS[what](attacked)).startswith("refused"), attacked.applied


@needs_root
@pytest.mark.parametrize("what", ATTACKS)
def test_it_would_work_without_the_sandbox(open_site, what):
    assert open_site.run(ATTACKS[what](open_site)) == "done"
    assert open_site.applied == {"level": "none"}


def test_the_level_is_in_the_jobs_record(attacked):
    assert attacked.run("pass") == "done"
    level = attacked.applied
    assert level["level"] == ("full" if has_landlock() else level["level"])
    assert level["seccomp"].startswith("set") and level["privileges"] == "none left"
    assert level["landlock"].startswith("abi ") == has_landlock()
    assert level["network"] in ("a loopback of its own", "none, connects to nothing")


def test_a_job_has_a_place_for_temporary_files_of_its_own(attacked):
    assert attacked.run(
        "import tempfile, os\n"
        "path = tempfile.mkdtemp()\n"
        "open(os.path.join(path, 'mine'), 'w').close()\n"
        "open('/dev/null', 'w').write('x')\n"
        "open('/dev/urandom', 'rb').read(8)\n"
        "import multiprocessing\n"
        "multiprocessing.Semaphore()\n"
        "open(os.environ['DAVIT_OUTPUT_DIR'] + '/result', 'w').close()\n"
        "open(os.environ['DAVIT_PROGRESS'], 'a').write('{}')\n"
        "import subprocess\n"
        "subprocess.run(['sh', '-c', 'true | true'], check=True)\n"
        "import ssl\n"
        "ssl.create_default_context()"
    ) == "done"


def test_a_job_sets_limits_priority_and_cpus_of_its_own(attacked):
    assert attacked.run(
        "import resource, subprocess\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)\n"
        "os.setpriority(os.PRIO_PROCESS, 0, 1)\n"
        "os.sched_setaffinity(0, os.sched_getaffinity(0))\n"
        "subprocess.run(['nice', 'true'], check=True)"
    ) == "done"


# --- what a site says ---


def sandboxed(sites, davit, way="root"):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return Attacked(sites, way, davit)


def test_the_network_is_there_where_the_site_grants_it(sites):
    attacked = sandboxed(sites, ", network: true")
    assert attacked.run(ATTACKS["the loopback admin surface"](attacked)) == "done"
    assert attacked.applied["network"] == "granted"
    assert attacked.run(ATTACKS["the key"](attacked)).startswith("refused")


def test_a_level_that_is_not_reached_fails_the_job_with_the_reason(sites):
    site = sites(
        settings="  shell: true\n",
        davit="processes: {min_sandbox: full, network: true}\n",
    )
    if os.geteuid() != 0:
        pytest.skip("needs root")
    site.wrapper = WAYS["bare"]
    site.start()
    task = site.execute("true")
    assert site.await_status(task)["task_status"] == "ERROR"
    assert "min_sandbox: full" in site.task_log(task) and "partial" in site.task_log(task)


# What is left where the kernel has no landlock. Nobody keeps a job of an ordinary user's daemon from
# signalling it then: that is what its level says.
@needs_root
@pytest.mark.parametrize("way, level", [("root", "full"), ("user", "partial"), ("bare", "partial")])
def test_where_the_kernel_has_no_landlock_the_level_says_so(sites, way, level):
    if way == "user" and BUILD.name == "tsan":
        pytest.skip("no room without landlock: a user namespace is for one thread, and the sanitizer has its own")
    attacked = Attacked(sites, way, before=NO_LANDLOCK)
    what = ["the daemon's Unix socket", "the loopback admin surface", "tracing the daemon"]
    if way != "bare":  # nothing closes files there
        what += ["the database", "the key", "another job's file"]
    for one in what:
        assert attacked.run(ATTACKS[one](attacked)).startswith("refused"), one
    assert attacked.applied["landlock"] == "none (Function not implemented)"
    assert attacked.applied["level"] == level


def test_a_user_of_the_site_runs_the_jobs(sites):
    attacked = sandboxed(sites, ", user: nobody")
    assert attacked.run("assert os.getuid() == 65534 and os.getgid() == 65534") == "done"
    assert attacked.applied["user"] == "65534"


def test_two_jobs_are_two_users(sites):
    attacked = sandboxed(sites, ", user: 70000-79999")
    seen = set()
    for _ in range(2):
        assert attacked.run("assert 70000 <= os.getuid() <= 79999") == "done"
        seen.add(attacked.applied["user"])
    assert len(seen) == 2


def test_paths_of_the_site_are_seen_but_for_what_is_the_daemons(sites, tmp_path):
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    (tmp_path / "model").write_text("m")
    attacked = sandboxed(sites, f", read_paths: [{tmp_path}, .]")
    assert attacked.run(reading(tmp_path / "model")) == "done"
    assert attacked.run(f"open({str(tmp_path / 'model')!r}, 'w')").startswith("refused")
    assert attacked.run(finding("davitd.log", attacked.site.folder)) == "done"
    for what in ("the database", "the key", "another job's file", "the daemon's Unix socket"):
        assert attacked.run(ATTACKS[what](attacked)).startswith("refused"), what


def test_a_place_of_its_own_stays_its_own_whatever_the_site_shows(sites):
    theirs = f"/var/tmp/{MARKS.name}.x"
    attacked = sandboxed(sites, ", read_paths: [/var/tmp]")
    assert attacked.run(f"open({theirs!r}, 'w').close()") == "done"
    assert not os.path.exists(theirs)


def test_a_wrong_level_is_refused_at_the_start(sites):
    from davit_site import refused

    said = refused(sites(davit="processes: {min_sandbox: most}\n"))
    assert "min_sandbox" in said and "partial" in said
