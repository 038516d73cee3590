# SPDX-License-Identifier: Apache-2.0
"""What is installed, by hand or as a Debian package, can be read and run by whoever is to."""
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", name="package")
def built_package(tmp_path_factory):
    """The files of the package, made by somebody who hides files from others by default."""
    stage = tmp_path_factory.mktemp("package")
    before = os.umask(0o077)
    try:
        made = subprocess.run(["make", "--no-print-directory", "deb", "VERSION=7.8.9"], cwd=ROOT, text=True,
                              capture_output=True, check=False)
    finally:
        os.umask(before)
    assert made.returncode == 0, made.stdout + made.stderr
    (deb,) = (ROOT / "dist").glob("nenghao_7.8.9_*.deb")
    try:
        subprocess.run(["dpkg-deb", "--extract", deb, stage], check=True)
        yield stage, subprocess.run(["dpkg-deb", "--info", deb], text=True, capture_output=True, check=True).stdout
    finally:
        deb.unlink()


def test_others_can_read_what_is_installed(package):
    stage, _ = package
    paths = [path for path in stage.rglob("*") if not path.is_symlink()]
    assert len(paths) > 100
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = 0o755 if path.is_dir() or path.parent.name == "bin" else 0o644
        assert mode == wanted, f"{path.relative_to(stage)} {mode:o}"


def test_the_package_says_what_it_needs(package):
    _, info = package
    for name in ("libmodbus", "libpaho-mqtt", "libcurl", "libyaml", "libsqlite3", "libmicrohttpd", "libjansson"):
        assert name in info, info
    assert "Version: 7.8.9" in info


@pytest.mark.parametrize("program", ["agent", "server"])
def test_what_is_installed_runs_by_its_unit(package, program):
    stage, _ = package
    unit = next(stage.rglob(f"nenghao-{program}.service")).read_text()
    assert not re.search("@[a-z]+@", unit), "a placeholder is left"
    (page,) = re.findall(r"^Documentation=file:(\S+)$", unit, re.M)
    assert (stage / page.lstrip("/")).is_file()
    (start,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    binary = start.removeprefix("ExecStart=").split()[0]
    assert subprocess.run([f"{stage}{binary}", "--version"], check=True, text=True, capture_output=True).stdout
    checked = subprocess.run([f"{stage}{binary}", "check", "-c", stage / f"etc/nenghao/{program}.yaml"], text=True,
                             capture_output=True, check=False)
    assert checked.returncode in (0, 78), "an example is judged by its content, not by its rights"
    assert "Permission denied" not in checked.stdout + checked.stderr
