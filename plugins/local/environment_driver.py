"""Makes the Python environment "venv" here and installs requirements.txt into it.

What follows on the command line goes to pip. Packages of the Python that runs this are seen from
the environment, so that its pip serves where it has one.
"""
import os
import subprocess
import sys

PYTHON = os.path.abspath("venv/bin/python3")


def make():
    try:
        import venv
    except ImportError:
        sys.exit(f"the Python {sys.executable} has no module venv: install it (Debian:"
                 " python3-venv), or set \"python\" of this provider to one that has it")
    venv.EnvBuilder(system_site_packages=True, symlinks=True).create("venv")
    if subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0:
        return
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit(f"the Python {sys.executable} has no module pip: install it (Debian:"
                 " python3-pip)")
    venv.EnvBuilder(system_site_packages=True, symlinks=True, with_pip=True).create("venv")


make()
sys.exit(subprocess.call([PYTHON, "-m", "pip", "install", "--no-cache-dir", "--no-input",
                          "--disable-pip-version-check", "-r", "requirements.txt",
                          *sys.argv[1:]]))
