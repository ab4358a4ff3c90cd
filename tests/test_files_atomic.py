"""A save that is killed, fails or is watched: there is the old file or the new one, and no other."""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from helpers import child_environment, checked_python

import cnnfs
from cnnfs import Layer, Network

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights and signals of POSIX")

as_root = pytest.mark.skipif(
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


# ---- kill -9 -----------------------------------------------------------------------------------

SAVE_FOR_EVER = """
    import sys
    import cnnfs
    import numpy as np
    # Of different sizes, so that a mixture would be seen.
    nets = [
        cnnfs.Network([cnnfs.Layer.from_arrays(np.full((n, 300), n, "f4"))]) for n in (500, 700)
    ]
    print("ready", flush=True)
    while True:
        for net in nets:
            net.save("model.safetensors")
"""


def killed_saves(times, seed):
    draw = random.Random(seed)
    sizes, left = set(), 0
    for _ in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", "\n".join(line[4:] for line in SAVE_FOR_EVER.split("\n"))],
            stdout=subprocess.PIPE,
            env=child_environment(),
        )
        assert child.stdout.readline() == b"ready\n"
        time.sleep(draw.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if not os.path.exists("model.safetensors"):
            continue
        layer = cnnfs.load("model.safetensors")[0]
        assert (layer.weights == layer.n_neurons).all()
        sizes.add(layer.n_neurons)
        rest = [name for name in os.listdir() if name != "model.safetensors"]
        assert all(n.startswith(".model.safetensors.") and n.endswith(".tmp") for n in rest)
        left = len(rest)
    return sizes, left


def test_a_killed_save_leaves_the_old_file_or_the_new_one():
    killed_saves(6, seed=0)
    assert cnnfs.load("model.safetensors").n_outputs in (500, 700)


@pytest.mark.deep
def test_a_hundred_killed_saves():
    sizes, left = killed_saves(100, seed=1)
    assert sizes == {500, 700}
    assert left > 10, "some were killed in the middle"


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "fsync of the folder"])
def test_a_save_that_ends_at_this_call(net, call):
    """The process ends right before each call that changes the disk."""
    net.save("model.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", END_AT, call], env=child_environment(), check=False, timeout=60
    )
    assert done.returncode == 7
    found = cnnfs.load("model.safetensors")
    if call == "fsync of the folder":
        assert found.n_outputs == 9
    else:
        assert found == net
    assert len(os.listdir()) == 1 + (call in ("write", "fsync", "replace"))


END_AT = """
import os, stat, sys
import cnnfs
from cnnfs import files_atomic

def ends(function, when=lambda *a: True):
    def wrapper(*arguments, **options):
        if when(*arguments):
            os._exit(7)
        return function(*arguments, **options)
    return wrapper

is_folder = lambda descriptor: stat.S_ISDIR(os.fstat(descriptor).st_mode)
call = sys.argv[1]
if call == "open":
    os.open = ends(os.open)
elif call == "write":
    os.fsync = ends(os.fsync)
elif call == "fsync":
    os.fsync = ends(os.fsync)
elif call == "replace":
    os.replace = ends(os.replace)
else:
    os.fsync = ends(os.fsync, is_folder)
cnnfs.Network([cnnfs.Layer(3, 9)]).save("model.safetensors")
"""


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


@as_root
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
        with pytest.raises(ValueError, match="null byte|null character"):
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
