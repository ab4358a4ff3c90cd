"""Every example in the README, in docs/ and in the docstrings runs and prints what it says."""

import doctest
import inspect
import re

import numpy as np
import pytest
from conftest import ROOT
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

import cnnfs
from cnnfs import _cnnfs_core as core

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITHOUT_EXAMPLE = {"Gradients", "LayerGradients", "__version__"}
MODULES = sorted((ROOT / "python" / "cnnfs").rglob("*.py"))
# They are not installed for the tests' sake; examples that need them run where they are.
LARGE = {"keras", "tensorflow", "torch"}

markdown = Sybil([PythonCodeBlockParser(doctest_optionflags=FLAGS)])
docstrings = Sybil([DocTestParser(FLAGS)], document_types={".py": PythonDocStringDocument})


def examples(path):
    return list((docstrings if path.suffix == ".py" else markdown).parse(path).examples())


@pytest.fixture(autouse=True)
def workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


# Keras makes arrays of PyTorch's in a way that NumPy finds old.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_example_of_a_file(path):
    for example in examples(path):
        try:
            example.evaluate()
        except ModuleNotFoundError as error:
            if error.name not in LARGE:
                raise


def native_things():
    """Everything public that is written in C++, with its name."""
    for owner in (core, core.Layer, core.Network):
        for name, thing in vars(owner).items():
            if not name.startswith("_") and getattr(thing, "__doc__", None):
                yield f"{owner.__name__}.{name}", thing


@pytest.mark.parametrize("thing", [pytest.param(t, id=name) for name, t in native_things()])
def test_every_example_of_a_native_docstring(thing):
    text = inspect.cleandoc(thing.__doc__)
    test = doctest.DocTestParser().get_doctest(text, {"cnnfs": cnnfs}, str(thing), None, None)
    said = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not failed, "".join(said)


def test_there_are_examples():
    assert examples(ROOT / "README.md")
    assert examples(ROOT / "docs" / "training.md")
    for name in sorted(set(cnnfs.__all__) - WITHOUT_EXAMPLE):
        assert ">>> " in (inspect.getdoc(getattr(cnnfs, name)) or ""), name
    for name in ("fit", "evaluate", "train_step", "gradients", "input_gradient", "activations"):
        assert ">>> " in inspect.getdoc(getattr(cnnfs.Network, name)), name


def mistakes():
    """What provokes each message that the table at the end of docs/training.md quotes."""
    net = cnnfs.Network([cnnfs.Layer(4, 10, "softmax", rng=0)])
    step = cnnfs.Network([cnnfs.Layer(4, 1, "step", rng=0)])
    relu = cnnfs.Network([cnnfs.Layer(4, 10, "relu", rng=0)])
    same, adam = cnnfs.Layer(4, 4, rng=0), cnnfs.Adam()
    x, y = np.ones((8, 4)), np.arange(8)
    gap = x.copy()
    gap[7, 2] = np.nan
    net.fit(x, y, optimizer=adam)
    yield lambda: net.fit(gap, y)
    yield lambda: net.fit(np.ones((8, 5)), y)
    yield lambda: net.fit(x[0], y)
    yield lambda: net.fit(x[:7], y[:5])
    yield lambda: net.fit(x, 10 - y)
    yield lambda: net.fit(x, ["cats"] * 8)
    yield lambda: relu.fit(x, y, loss="cross_entropy")
    yield lambda: step.fit(x, y)
    yield lambda: relu.fit(x, np.ones((8, 10)), optimizer=adam)
    yield lambda: cnnfs.Network([same, same]).fit(x, x)
    yield lambda: cnnfs.Network([same, cnnfs.Layer(4, 4, dtype="float64")])


def test_the_guide_quotes_what_is_said():
    table = (ROOT / "docs" / "training.md").read_text().rpartition("\n## ")[2]
    quoted = [text for text in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) if " " in text]
    for quote, mistake in zip(quoted, mistakes(), strict=True):
        with pytest.raises((TypeError, ValueError), match="^" + re.escape(quote)):
            mistake()


def test_a_wrong_example_is_noticed(tmp_path):
    for text in ("```python\nassert 1 == 2\n```\n", "```python\n>>> 1 + 1\n3\n```\n"):
        page = tmp_path / "page.md"
        page.write_text(text)
        (example,) = examples(page)
        with pytest.raises(AssertionError):
            example.evaluate()
