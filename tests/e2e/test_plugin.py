"""It is a plugin: what makes a provider, seen from outside."""

import hashlib
import os
import subprocess

import pytest
from davit_site import BUILD, ROOT, execute_body, refused, wait_for

LOCAL = BUILD / "plugins" / "local" / "local.so"
REFUSED = BUILD / "tests" / "providers"
SANITIZED = "san" in BUILD.name


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def exported(file):
    lines = run("nm", "-D", "--defined-only", str(file)).splitlines()
    return [line.split()[-1].split("@")[0] for line in lines]


def test_the_local_provider_exports_one_symbol():
    if SANITIZED:
        pytest.skip("sanitizers export symbols of their own")
    assert exported(LOCAL) == ["davit_provider_query"]


def test_the_host_names_no_cloud():
    words = "vertex|sagemaker|azure|google|amazon"
    found = subprocess.run(
        ["grep", "-riE", words, str(ROOT / "host"), str(ROOT / "plugin-api")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1, found.stdout


def test_a_provider_built_elsewhere_serves_after_a_restart(sites, tmp_path):
    if SANITIZED:
        pytest.skip("an installed host has no sanitizer override")
    prefix, build = tmp_path / "prefix", tmp_path / "build"
    run("cmake", "--install", str(BUILD), "--prefix", str(prefix))
    source = prefix / "share" / "davit" / "template"
    assert source.is_dir()
    run("cmake", "-S", str(source), "-B", str(build), f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", str(build))
    made = list(build.rglob("*.so"))
    assert len(made) == 1
    host = BUILD / "host" / "davitd"
    before = hashlib.sha256(host.read_bytes()).hexdigest()

    site = sites().start()
    assert [p["id"] for p in site.get("/v1/providers").json()["providers"]] == ["local"]
    site.stop()
    site.providers["hello"] = f"provider: hello\nplugin: {made[0]}\n"
    site.davit = "connections: {mine: {provider: hello}}\n"
    site.write_configuration()
    site.start()
    ids = {p["id"]: p for p in site.get("/v1/providers").json()["providers"]}
    assert ids["hello"]["state"] == "loaded", ids
    query = "?adapter_instance=mine"
    made = site.service(
        "POST", f"/datasets{query}", {"name": "three", "rows": [1, 2, 6]}, over_unix=True
    )
    assert made.status == 200, made
    rows = site.service("GET", f"/datasets/list{query}", over_unix=True).json()
    assert [row["name"] for row in rows] == ["three"]
    assert hashlib.sha256(host.read_bytes()).hexdigest() == before


REFUSALS = {
    "refused_socket": "socket",
    "refused_open": "open",
    "refused_fork": "fork",
    "refused_thread": "pthread_create",
    "refused_two_symbols": "symbol",
    "refused_no_manifest": "manifest",
    "refused_two_notes": "manifest",
    "refused_bad_hash": "SHA-256",
}


@pytest.mark.parametrize("name, word", REFUSALS.items())
def test_a_provider_that_reaches_out_is_refused_before_it_is_loaded(sites, name, word):
    file = REFUSED / f"{name}.so"
    assert file.exists(), file
    site = sites(providers={"bad": f"provider: bad\nplugin: {file}\n"}).start()
    described = {p["id"]: p for p in site.get("/v1/providers").json()["providers"]}
    assert described["bad"]["state"] == "refused", described
    assert word in described["bad"]["reason"], described["bad"]["reason"]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with open(f"/proc/{site.process.pid}/maps", encoding="utf-8") as maps:
        assert digest not in maps.read()
    loaded = [copy.name for copy in (site.folder / "data" / "plugins").glob("*.so")]
    assert f"{digest}.so" not in loaded and len(loaded) == 1, loaded
    answer = site.service("GET", "/datasets/list")
    assert answer.status == 200


def test_new_work_for_a_disabled_provider_is_404_and_old_jobs_still_answer(sites):
    site = sites().start()
    task = site.execute("true")
    site.await_status(task)
    site.stop()
    site.providers["local"] += "enabled: false\n"
    site.write_configuration()
    site.start()
    assert site.status(task)["task_status"] == "COMPLETED"
    answer = site.service("GET", "/datasets/list")
    assert answer.status == 404 and answer.text.startswith('"') and "local" in answer.json()
    answer = site.post("/execute", execute_body("true"))
    assert answer.status == 404 and "local" in answer.json()["error"]


def test_jobs_of_a_disabled_provider_run_on_and_come_back(sites):
    site = sites(settings="  shell: true\n").start()
    gate = site.marks / "gate"
    task = site.execute(f"while [ ! -e {gate} ]; do sleep 0.05; done; echo done")
    site.await_status(task, "RUNNING")
    site.stop()
    kept = site.providers["local"]
    site.providers["local"] += "enabled: false\n"
    site.write_configuration()
    site.start()
    wait_for("the orphan", lambda: site.job(task)["state"] == "orphaned_provider")
    assert site.status(task)["task_status"] == "RUNNING"
    site.stop()
    site.providers["local"] = kept
    site.write_configuration()
    site.start()
    gate.touch()
    assert site.await_status(task)["task_status"] == "COMPLETED"


def test_an_unknown_setting_ends_the_start_with_file_line_and_key(sites):
    site = sites(settings="  shell: true\n  pyton: /usr/bin/python3\n")
    said = refused(site)
    assert "providers.d/local.yaml:6: settings/pyton: " in said, said
    assert "did you mean 'python'?" in said, said


def test_a_wrong_value_of_a_setting_ends_the_start_with_file_and_line(sites):
    said = refused(sites(settings="  shell: maybe\n"))
    assert "providers.d/local.yaml:5: settings/shell: " in said, said


def test_a_plugin_that_is_not_there_ends_the_start_with_file_and_line(sites):
    said = refused(sites(providers={"bad": "provider: bad\nplugin: locl.so\n"}))
    assert "providers.d/bad.yaml:2: plugin 'locl.so' is not there" in said, said
    assert "did you mean 'local.so'?" in said, said


@pytest.mark.parametrize(
    "key, line",
    [
        ("default_provider: locl\n", 4),
        ("listeners: [{unix: davitd.sock, default_provider: locl}]\n", 4),
        ("connections:\n  mine:\n    provider: locl\n", 6),
    ],
)
def test_an_unknown_provider_ends_the_start_with_file_line_and_nearest_name(sites, key, line):
    site = sites()
    (site.folder / "davit.yaml").write_text(
        f"data_dir: data\nprovider_dir: {LOCAL.parent}\n"
        f"run_program: {BUILD}/host/run/davit-run\n{key}",
        encoding="utf-8",
    )
    said = refused(site)
    assert f"davit.yaml:{line}: unknown provider 'locl'; did you mean 'local'?" in said, said


assert os.path.isdir(BUILD), f"{BUILD} is not built"
