"""A save that fails leaves nothing behind; rights, links and other places are those of open()."""

import errno
import os
import stat
import sys
import threading
import time

import numpy as np
import pytest
from helpers import checked_python

import cnnfs
from cnnfs import Layer, Network

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights and signals of POSIX")

not_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def net():
    return Network([Layer(3, 4, "relu", rng=0), Layer(4, 2, rng=1)])


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_order_of_the_calls(net, monkeypatch):
    """The bytes are on the disk before the name is, and the name before the call returns."""
    calls = []

    def watched(name):
        original = getattr(os, name)

        def wrapper(*arguments, **options):
            if name == "fsync":
                kind = "folder" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else "file"
                size = os.fstat(arguments[0]).st_size
                calls.append((name, kind, size) if kind == "file" else (name, kind))
            else:
                calls.append((name, *map(os.path.dirname, arguments)))
            return original(*arguments, **options)

        monkeypatch.setattr(os, name, wrapper)

    watched("fsync")
    watched("replace")
    net.save("model.safetensors")
    here = os.getcwd()
    size = os.path.getsize("model.safetensors")
    assert calls == [("fsync", "file", size), ("replace", here, here), ("fsync", "folder")]


# ---- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_left_after_an_error(net, monkeypatch, call, error, there):
    if there:
        net.save("model.safetensors")
    elif call == "fchmod":
        pytest.skip("a new file's rights are not changed")
    before = os.listdir()

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(type(error)):
            Network([Layer(3, 9)]).save("model.safetensors")
    assert os.listdir() == before
    if there:
        assert cnnfs.load("model.safetensors") == net
    net.save("model.safetensors")
    assert cnnfs.load("model.safetensors") == net


def test_a_full_disk(net):
    """A limit of the size of files is the nearest thing to it."""
    net.save("model.safetensors")
    checked_python(
        """
        import os, resource, signal
        import cnnfs
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            cnnfs.Network([cnnfs.Layer(300, 300)]).save("model.safetensors")
        except OSError as error:
            assert error.filename == "model.safetensors", error.filename
            assert str(error).endswith(": 'model.safetensors'"), error
        else:
            raise AssertionError("no error")
        """
    )
    assert os.listdir() == ["model.safetensors"]
    assert cnnfs.load("model.safetensors") == net


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("missing/model", FileNotFoundError),
        ("file/model", NotADirectoryError),
        ("folder", IsADirectoryError),
        ("folder/", IsADirectoryError),
        ("", FileNotFoundError),
        ("x" * 300, OSError),
        ("loop", OSError),
        ("pipe", OSError),
    ],
)
def test_places_that_can_not_be_written_to(net, path, error):
    os.mkdir("folder")
    open("file", "w").close()
    os.symlink("loop", "loop")
    os.mkfifo("pipe")
    before = sorted(os.listdir())
    with pytest.raises(error) as caught:
        net.save(path)
    assert caught.value.filename == path
    assert caught.value.filename2 is None
    assert sorted(os.listdir()) == before
    assert os.listdir("folder") == []


def test_devices_are_left_alone(net):
    with pytest.raises(OSError, match="not a regular file"):
        net.save("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@not_root
def test_a_file_that_may_not_be_written(net):
    net.save("model.safetensors")
    os.chmod("model.safetensors", 0o444)
    with pytest.raises(PermissionError):
        Network([Layer(3, 9)]).save("model.safetensors")
    assert cnnfs.load("model.safetensors") == net
    os.mkdir("closed")
    os.chmod("closed", 0o555)
    with pytest.raises(PermissionError):
        net.save("closed/model.safetensors")


def test_zero_bytes_in_a_path(net):
    for use in (net.save, cnnfs.load):
        with pytest.raises(ValueError, match=r"null (byte|character)"):
            use("model\0safetensors")


# ---- rights, links -----------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002, 0o000])
def test_a_new_file_has_the_rights_that_open_gives(net, mask):
    before = os.umask(mask)
    try:
        net.save("model.safetensors")
        with open("plain", "wb"):
            pass
    finally:
        os.umask(before)
    assert mode("model.safetensors") == mode("plain") == 0o666 & ~mask


@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o777])
def test_a_file_that_is_replaced_keeps_its_rights(net, rights):
    net.save("model.safetensors")
    os.chmod("model.safetensors", rights)
    net.save("model.safetensors")
    assert mode("model.safetensors") == rights


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_is_replaced_keeps_its_owner(net):
    net.save("model.safetensors")
    os.chown("model.safetensors", 12345, 23456)
    os.chmod("model.safetensors", 0o640)
    net.save("model.safetensors")
    found = os.stat("model.safetensors")
    assert (found.st_uid, found.st_gid, mode("model.safetensors")) == (12345, 23456, 0o640)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(net, there):
    os.mkdir("folder")
    os.symlink("folder/target", "link")
    os.symlink("link", "link to the link")
    if there:
        Network([Layer(3, 9)]).save("folder/target")
        os.chmod("folder/target", 0o600)
    net.save("link to the link")
    assert os.path.islink("link to the link")
    assert os.path.islink("link")
    assert not os.path.islink("folder/target")
    assert cnnfs.load("folder/target") == cnnfs.load("link") == net
    assert os.listdir("folder") == ["target"]
    assert not there or mode("folder/target") == 0o600


def test_names_as_long_as_they_may_be(net):
    for name in ("x" * 255, "漢" * 85):
        net.save(name)
        assert cnnfs.load(name) == net
    assert len(os.listdir()) == 2


# ---- several at once ---------------------------------------------------------------------------


def test_readers_see_one_file_or_the_other(net):
    """Loaded again and again while two threads replace it."""
    nets = [Network([Layer.from_arrays(np.full((n, 200), n, "f4"))]) for n in (100, 130)]
    stop = threading.Event()
    nets[0].save("model.safetensors")

    def save(net):
        while not stop.is_set():
            net.save("model.safetensors")

    threads = [threading.Thread(target=save, args=(net,)) for net in nets]
    for thread in threads:
        thread.start()
    try:
        end, found = time.monotonic() + 1, []
        while time.monotonic() < end:
            found.append(cnnfs.load("model.safetensors")[0])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all((layer.weights == layer.n_neurons).all() for layer in found)
    assert os.listdir() == ["model.safetensors"]
