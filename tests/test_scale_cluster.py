"""A million rows on a cluster of two processes, one of which is killed on the way."""

import os
import signal
import time

import numpy as np
import pytest

import cnnfs

distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

ROWS, BLOCK = 1_000_000, 10_000

pytestmark = pytest.mark.filterwarnings("ignore")  # of distributed, when a worker goes


def rows_of(block_info=None):
    """Any process can make any block again."""
    (start, stop), _ = block_info[None]["array-location"]
    time.sleep(0.02)
    return np.random.default_rng(start).normal(size=(stop - start, 16)).astype("float32")


def blocks():
    chunks = ((BLOCK,) * (ROWS // BLOCK), (16,))
    return da.map_blocks(rows_of, chunks=chunks, dtype="float32", meta=np.empty((0, 0), "f4"))


@pytest.fixture
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("killed", [False, True])
def test_a_million_rows(client, killed):
    net = cnnfs.Network([cnnfs.Layer(16, 64, "gelu", rng=0), cnnfs.Layer(64, 4, "softmax", rng=1)])
    workers = client.run(os.getpid)
    assert len(set(workers.values()) - {os.getpid()}) == 2
    future = client.compute(net(blocks()))
    if killed:
        address, process = sorted(workers.items())[0]
        deadline = time.monotonic() + 60
        while len(client.has_what()[address]) < 5:  # results that go with it
            assert future.status == "pending"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process, signal.SIGKILL)
    got = future.result(timeout=120)
    if killed:
        assert process not in client.run(os.getpid).values()
    assert got.dtype == np.float32
    assert got.shape == (ROWS, 4)
    want = net(blocks().compute(scheduler="single-threaded"))
    assert got.tobytes() == want.tobytes()
