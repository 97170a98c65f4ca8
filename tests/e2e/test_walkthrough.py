"""docs/walkthrough.md as it stands: every command is run, every answer is as shown."""

import os
import re
import shutil
import subprocess

from davit_site import BUILD, ROOT

MARK = "---davit-walkthrough---"


def steps(text):
    """(command, lines it prints) of each "$ …" in the console blocks."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def pattern_of(line):
    """… stands for anything within a line, on a line of its own for any lines or none."""
    if line == "…":
        return r"(?:[^\n]*\n)*"
    parts = [re.escape(part) for part in re.sub(" +", " ", line).split("…")]
    return "[^\n]*".join(parts) + r"\n"


def matches(lines, printed):
    return re.fullmatch("".join(map(pattern_of, lines)), re.sub(" +", " ", printed.strip()) + "\n")


def script_of(commands):
    lines = ["set -u"]
    for number, command in enumerate(commands):
        lines += [command, f'echo "{MARK} {number} $?"']
    return "\n".join(lines)


def test_the_walk_goes_as_it_is_written(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    walk = steps((ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8"))
    assert len(walk) > 20
    environment = {
        "PATH": f"{BUILD}/cli:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "LANG": "C.UTF-8",
    }
    try:
        ran = subprocess.run(
            ["bash", "-c", script_of([command for command, _ in walk])],
            cwd=tmp_path, env=environment, text=True, timeout=300, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ).stdout
    finally:
        subprocess.run(["pkill", "-KILL", "-f", f"{tmp_path}/site"], check=False)
    said = re.split(rf"^{MARK} (\d+) (\d+)\n", ran, flags=re.M)
    printed, codes = said[0::3], said[2::3]
    assert len(codes) == len(walk), ran[-2000:]
    for (command, wanted), text, code in zip(walk, printed, codes):
        assert code == "0", f"$ {command}\n{text}"
        if wanted:
            assert matches(wanted, text), f"$ {command}\n{text}"
