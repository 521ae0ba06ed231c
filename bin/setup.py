#!/usr/bin/env python3
"""Make `.venv` from the locked `requirements.txt`; a second run finds nothing to do. Standard library only.

Packages are installed by uv, which does not read pip's settings: a machine's index, mirror or wheel folder set for
pip (pip.conf, PIP_*) is handed on to it. Where uv fails, pip installs the same locked list.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.txt"
STAMP = VENV / "leadmill-setup"
OLDEST, TOO_NEW = (3, 11), (3, 14)
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}


def main() -> int:
    """Bring `.venv` in line with the lock; returns the exit code."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        say(f"Leadmill needs Python 3.11 to 3.13; this is {sys.version.split()[0]}. Try: make setup PYTHON=python3.11")
        return 1
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    if not PYTHON.exists() and not make_venv():
        return 1
    say("Installing the locked packages (about 2 GB on disk; minutes on a first run, seconds later) …")
    if not install():
        say("The packages could not be installed; the lines above say why.")
        return 1
    STAMP.write_text(wanted)
    say(f"Ready: .venv is set up ({time.monotonic() - started:.0f} s).")
    return 0


def fingerprint() -> str:
    """What `.venv` depends on: the lock, the project file, the interpreter and where the checkout lies."""
    digest = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    digest.update(f"{sys.version_info[:2]} {ROOT}".encode())
    return digest.hexdigest()


def make_venv() -> bool:
    """Create `.venv` by the first way that this machine offers; False after saying what to install."""
    say("Creating .venv …")
    ways = [[sys.executable, "-m", "venv", str(VENV)], [sys.executable, "-m", "virtualenv", "-q", str(VENV)]]
    if shutil.which("uv"):
        ways.append(["uv", "venv", "-q", "--clear", "--seed", "--python", sys.executable, str(VENV)])
    for way in ways:
        if run(way, quiet=True) and run([str(PYTHON), "-m", "pip", "--version"], quiet=True):
            return True
        shutil.rmtree(VENV, ignore_errors=True)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    say(
        "Python's venv module is incomplete here (Debian and Ubuntu ship it apart). Install it, then try again:\n\n"
        f"    sudo apt-get update && sudo apt-get install -y {package}\n"
    )
    return False


def install() -> bool:
    """Install uv, the locked packages and Leadmill itself (editable)."""
    uv = VENV / "bin" / "uv"
    environment = dict(os.environ) | uv_settings() | {"VIRTUAL_ENV": str(VENV)}
    pin = next((line for line in LOCK.read_text().splitlines() if line.startswith("uv==")), "uv").split(" ;")[0]
    if not uv.exists():
        run([str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", pin])
    synced = uv.exists() and run([str(uv), "pip", "sync", "-q", "--python", str(PYTHON), str(LOCK)], environment)
    if synced:
        return run(
            [str(uv), "pip", "install", "-q", "--python", str(PYTHON), "--no-deps", "-e", str(ROOT)], environment
        )
    say("uv could not install them; trying pip with the same locked list …")
    run([str(PYTHON), "-m", "ensurepip", "--upgrade"], quiet=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    return run([*pip, "-r", str(LOCK)]) and run([*pip, "-e", str(ROOT)])


def uv_settings() -> dict[str, str]:
    """Environment for uv that says what this machine's pip settings say; what is set for uv already stays."""
    found: dict[str, str] = {}
    for file in pip_files():
        settings = configparser.RawConfigParser()
        settings.read(file)
        for section in ("global", "install"):
            if settings.has_section(section):
                found |= dict(settings.items(section))
    for option in PIP_TO_UV:
        if value := os.environ.get("PIP_" + option.upper().replace("-", "_")):
            found[option] = value
    named = {PIP_TO_UV[option]: " ".join(found[option].split()) for option in PIP_TO_UV if found.get(option)}
    if "UV_FIND_LINKS" in named:
        named["UV_FIND_LINKS"] = named["UV_FIND_LINKS"].replace(" ", ",")
    if "UV_INDEX" in named:
        named["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip: no index shadows another
    return {key: value for key, value in named.items() if key not in os.environ}


def pip_files() -> list[Path]:
    """The settings files of pip, the weakest first, as pip's documentation lists them."""
    home = Path.home()
    user = Path(os.environ.get("XDG_CONFIG_HOME", home / ".config"))
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        user / "pip" / "pip.conf",
    ]
    if named := os.environ.get("PIP_CONFIG_FILE"):
        files = [] if named == os.devnull else [*files, Path(named)]
    return [file for file in files if file.is_file()]


def run(command: list[str], environment: dict[str, str] | None = None, *, quiet: bool = False) -> bool:
    """Run a command; True where it succeeded."""
    output = subprocess.DEVNULL if quiet else None
    try:
        done = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False)  # noqa: S603 - ours
    except OSError:
        return False
    return done.returncode == 0


def say(text: str) -> None:
    """Print a line for the person at the terminal, at once."""
    sys.stdout.write(f"[setup] {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
