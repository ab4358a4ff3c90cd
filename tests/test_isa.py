"""The choice of an instruction set: what is possible, what was forced, what ran."""

import json
import platform

import pytest
from conftest import ISAS
from helpers import checked_python, run_python

import cnnfs
from cnnfs import _cnnfs_core as core

REPORT = """
    import contextlib, io, json
    import numpy as np
    import cnnfs
    from cnnfs import _cnnfs_core as core
    a = np.float32(1 + 2.0**-13)  # the chain -a*a + a*a is zero when products are rounded
    x, w = np.array([a, a]), np.array([[-a, a]])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        config = cnnfs.show_config()
    layer = cnnfs.Layer.from_arrays(w)
    print(json.dumps({
        "isa": core.isa(), "config": config["isa"], "printed": printed.getvalue(),
        "fused": [bool(f(x)[0] != 0) for f in (layer, cnnfs.Network([layer]),
                                               lambda x: cnnfs.dense(x, w))],
    }))
"""


def report(**environment):
    return json.loads(checked_python(REPORT, **environment))


def test_what_is_possible_depends_on_the_machine():
    intel = platform.machine().lower() in ("x86_64", "amd64")
    assert ISAS in (
        [("generic",), ("generic", "avx2"), ("generic", "avx2", "avx512")]
        if intel
        else [("generic",), ("neon",)]
    )
    assert core.isa() in ISAS


@pytest.mark.parametrize("name", ISAS)
def test_the_forced_set_is_the_one_that_runs(name):
    got = report(CNNFS_ISA=name)
    assert got["isa"] == got["config"] == name
    assert name in got["printed"]
    assert got["fused"] == [name != "generic"] * 3


def test_the_widest_set_runs_where_nothing_is_forced():
    for environment in ({}, {"CNNFS_ISA": ""}):
        assert report(**environment)["isa"] == ISAS[-1]


@pytest.mark.parametrize("wish", ["sse9", "AVX2 ", "native", "generic,avx2", "é", "impossible"])
def test_an_impossible_wish_is_refused_with_the_possible_ones(wish):
    if wish == "impossible":
        wish = next(n for n in ("neon", "avx2") if n not in ISAS)
    done = run_python("import cnnfs", CNNFS_ISA=wish)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError"), done.stderr
    for name in ISAS:
        assert name in last


def test_an_import_that_failed_can_be_repeated():
    checked_python(
        """
        import os
        os.environ["CNNFS_ISA"] = "sse9"
        try:
            import cnnfs
        except ImportError:
            pass
        else:
            raise AssertionError
        del os.environ["CNNFS_ISA"]
        import cnnfs
        assert cnnfs.relu(-1.0) == 0
        """
    )


@pytest.mark.parametrize("wrong", ["", "sse9", "AVX2"])
def test_use_isa_refuses_an_unknown_name_and_changes_nothing(wrong):
    before = core.isa()
    with pytest.raises((ValueError, ImportError)) as caught:
        core.use_isa(wrong)
    assert all(name in str(caught.value) for name in ISAS)
    assert core.isa() == before


def test_use_isa_switches(isa):
    assert core.isa() == isa
    assert cnnfs.show_config()["isa"] == isa


def test_show_config(capsys):
    config = cnnfs.show_config()
    printed = capsys.readouterr().out
    assert config["version"] == cnnfs.__version__
    assert config["isa"] == core.isa()
    assert list(config["available_isas"]) == list(ISAS)
    for value in (config["version"], config["isa"], *config["available_isas"]):
        assert value in printed
