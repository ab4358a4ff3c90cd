"""Every example in the README, in docs/ and in the docstrings runs and prints what it says."""

import doctest
import inspect

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
MODULES = sorted((ROOT / "python" / "cnnfs").glob("*.py"))

markdown = Sybil([PythonCodeBlockParser(doctest_optionflags=FLAGS)])
docstrings = Sybil([DocTestParser(FLAGS)], document_types={".py": PythonDocStringDocument})


def examples(path):
    return list((docstrings if path.suffix == ".py" else markdown).parse(path).examples())


@pytest.fixture(autouse=True)
def workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_example_of_a_file(path):
    for example in examples(path):
        example.evaluate()


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
    assert examples(ROOT / "python" / "cnnfs" / "__init__.py")
    for name in ("dense", "step", "linear", "sigmoid", "relu", "Layer", "Network", "show_config"):
        assert ">>> " in inspect.getdoc(getattr(cnnfs, name)), name


def test_a_wrong_example_is_noticed(tmp_path):
    for text in ("```python\nassert 1 == 2\n```\n", "```python\n>>> 1 + 1\n3\n```\n"):
        page = tmp_path / "page.md"
        page.write_text(text)
        (example,) = examples(page)
        with pytest.raises(AssertionError):
            example.evaluate()
