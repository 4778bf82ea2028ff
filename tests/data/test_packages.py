import time

import pytest

from cgt.data import packages
from cgt.data.fashion_mnist import FashionMNIST
from cgt.data.fetch import SourceUnavailable
from cgt.data.packages import DebianDownload, PythonPackage

FORMAT = FashionMNIST.mirror_format
# Stand-ins for the real commands: the "package" is a file that names a folder to copy.
APT_GET = 'echo "$*" >> "$LOG"; echo "$STORE" > fashion_1_all.deb'
DPKG_DEB = 'tar -c -C "$(cat "$2")" --transform "s,^[.],./usr/share/fashion," .'


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose PATH starts with our apt-get and dpkg-deb."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("STORE", str(tmp_path / "store"))

    def install(name, script):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)

    install("apt-get", APT_GET)
    install("dpkg-deb", DPKG_DEB)
    return install


@pytest.fixture
def package():
    return DebianDownload("dataset-fashion", "usr/share/fashion", FORMAT)


def test_debian_package_is_fetched_once_and_unpacked(
    machine, package, tiny_fashion, packed_fashion, tmp_path
):
    (tmp_path / "store").mkdir()
    for name, data in packed_fashion.items():
        (tmp_path / "store" / f"{name}.gz").write_bytes(data)
    for file in tiny_fashion[0].files:
        assert package.read(file) == tiny_fashion[2][file.name]
    (call,) = (tmp_path / "log").read_text().splitlines()
    assert call.endswith("download dataset-fashion")


def test_debian_package_without_the_file(machine, package, tiny_fashion, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "README").write_text("moved")
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte\.gz"):
        package.read(tiny_fashion[0].files[0])


def test_failing_apt_says_why(machine, package, tiny_fashion):
    machine("apt-get", 'echo "E: Unable to locate package" >&2; exit 100')
    with pytest.raises(SourceUnavailable, match="exited with 100: E: Unable to locate package"):
        package.read(tiny_fashion[0].files[0])


def test_apt_that_hangs_is_stopped(machine, package, tiny_fashion, monkeypatch):
    monkeypatch.setattr(packages, "_COMMAND_TIMEOUT", 0.1)
    machine("apt-get", "sleep 5")
    start = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"apt-get took over 0\.1 s"):
        package.read(tiny_fashion[0].files[0])
    assert time.monotonic() - start < 2


def test_apt_that_brings_nothing(machine, package, tiny_fashion):
    machine("apt-get", "exit 0")
    with pytest.raises(SourceUnavailable, match="left 0 packages"):
        package.read(tiny_fashion[0].files[0])


def test_package_with_another_layout(machine, package, tiny_fashion):
    machine("dpkg-deb", "tar -c -C / --files-from /dev/null")
    with pytest.raises(SourceUnavailable, match="has no folder usr/share/fashion"):
        package.read(tiny_fashion[0].files[0])


def test_machine_without_apt(package, tiny_fashion, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="no command apt-get"):
        package.read(tiny_fashion[0].files[0])


def test_python_package_that_is_not_installed(tiny_fashion):
    source = PythonPackage("no_such_package_here", "data", FORMAT)
    with pytest.raises(SourceUnavailable, match="pip install no_such_package_here"):
        source.read(tiny_fashion[0].files[0])
