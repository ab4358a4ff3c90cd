"""threadpoolctl sees and limits the threads of cnnfs, and is not imported for it."""

import pytest
from helpers import checked_python

pytest.importorskip("threadpoolctl", minversion="3.2")

LOOK = """
import threadpoolctl, cnnfs

def ours():
    return [found for found in threadpoolctl.threadpool_info() if found["user_api"] == "cnnfs"]

cnnfs.set_num_threads(5)
"""


def test_the_import_of_cnnfs_does_not_import_it():
    checked_python(
        """
        import sys, cnnfs
        assert "threadpoolctl" not in sys.modules
        cnnfs.Network([cnnfs.Layer(3, 2)])([1, 2, 3])
        assert "threadpoolctl" not in sys.modules
        """
    )


BEFORE = {
    "cnnfs first": "import cnnfs",
    "threadpoolctl first": "import threadpoolctl",
    "a name of it first": "import cnnfs; from threadpoolctl import threadpool_limits",
    "looked for, then imported": """
import cnnfs, importlib.util
assert importlib.util.find_spec("threadpoolctl") is not None
""",
    "looked for twice": """
import cnnfs, importlib.util
for _ in range(2):
    importlib.util.find_spec("threadpoolctl")
""",
    "by scikit-learn": "import cnnfs, sklearn.utils.fixes",
    "another failed import": """
import cnnfs
try:
    import threadpoolctl_which_is_not_there
except ModuleNotFoundError:
    pass
""",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_it_sees_and_limits_the_threads(before):
    checked_python(
        before
        + LOOK
        + """
(found,) = ours()
assert found["num_threads"] == 5, found
assert found["version"] == cnnfs.__version__
assert found["internal_api"] == "cnnfs"
assert "_cnnfs_core" in found["filepath"]
for limits in ({"cnnfs": 2}, 2):
    with threadpoolctl.threadpool_limits(limits):
        assert cnnfs.get_num_threads() == 2
        assert ours()[0]["num_threads"] == 2
    assert cnnfs.get_num_threads() == 5
with threadpoolctl.threadpool_limits(1, user_api="blas"):
    assert cnnfs.get_num_threads() == 5
"""
    )


def test_nothing_is_left_in_the_import_system():
    checked_python(
        """
        import sys
        before = list(sys.meta_path)
        import cnnfs
        import threadpoolctl
        assert sys.meta_path == before
        assert threadpoolctl.__spec__.name == "threadpoolctl"
        """
    )


def test_without_it_everything_works():
    checked_python(
        """
        import sys
        sys.modules["threadpoolctl"] = None  # as if it were not installed
        import cnnfs
        assert cnnfs.relu(-1.0) == 0
        try:
            import threadpoolctl
        except ImportError:
            pass
        """
    )


@pytest.mark.parametrize("limit", [257, 1000, 100_000])
def test_a_limit_beyond_the_most_is_no_error(limit):
    # It is meant for all libraries of the process, not for cnnfs alone.
    checked_python(
        LOOK
        + f"""
with threadpoolctl.threadpool_limits({limit}):
    assert cnnfs.get_num_threads() == 256
assert cnnfs.get_num_threads() == 5
"""
    )


def test_a_limit_holds_for_work_that_is_shared():
    checked_python(
        LOOK
        + """
from pooled import Work, tasks
work = Work()
known = len(tasks())
with threadpoolctl.threadpool_limits(2, user_api="cnnfs"):
    work.check()
    assert len(tasks()) == known + 1
work.check()
assert len(tasks()) == known + 4
"""
    )
