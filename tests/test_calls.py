"""The raw entry points as Python sees them: signatures, help, and calls with wrong arguments."""

import importlib.metadata
import importlib.resources
import inspect
import pydoc

import numpy as np
import pytest
from helpers import checked_python
from reference import ACTIVATIONS, assert_same_bits

import cnnfs

X = np.array([[1.0, -2.0, 0.5, 3.0]])
W = np.arange(20.0).reshape(5, 4) - 7
B = np.arange(5.0)
FUNCTIONS = ["dense", *ACTIVATIONS]
PUBLIC = [*FUNCTIONS, "Layer", "Network", "Activation", "show_config"]


@pytest.fixture(params=["layer", "network"])
def model(request):
    layer = cnnfs.Layer.from_arrays(W, B, "relu")
    return layer if request.param == "layer" else cnnfs.Network([layer])


def test_everything_public_has_help():
    assert set(PUBLIC) <= set(cnnfs.__all__)
    for name in PUBLIC:
        thing = getattr(cnnfs, name)
        assert len(inspect.getdoc(thing)) > 60, name
        assert name in pydoc.plain(pydoc.render_doc(thing))
    assert cnnfs.__doc__
    for kind in (cnnfs.Layer, cnnfs.Network):
        for name, member in inspect.getmembers(kind):
            if not name.startswith("_"):
                assert inspect.getdoc(member), f"{kind.__name__}.{name}"


def test_signatures():
    for name in ACTIVATIONS:
        assert str(inspect.signature(getattr(cnnfs, name))) == "(x, *, out=None)"
        assert getattr(cnnfs, name).__name__ == name
    want = "(x, weights, bias=None, activation='linear', *, out=None)"
    assert str(inspect.signature(cnnfs.dense)) == want
    for kind in (cnnfs.Layer, cnnfs.Network):
        assert list(inspect.signature(kind.forward).parameters)[-2:] == ["x", "out"]
    layer = inspect.signature(cnnfs.Layer).parameters
    assert list(layer)[:5] == ["n_inputs", "n_neurons", "activation", "dtype", "rng"]
    assert layer["dtype"].kind is layer["rng"].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(inspect.signature(cnnfs.Network).parameters) == ["layers"]
    made = inspect.signature(cnnfs.Layer.from_arrays).parameters
    assert list(made) == ["weights", "bias", "activation", "dtype"]


def test_the_package_knows_its_version_and_has_types():
    assert cnnfs.__version__ == importlib.metadata.version("cnnfs")
    files = importlib.resources.files("cnnfs")
    assert (files / "py.typed").is_file()
    assert (files / "_cnnfs_core.pyi").is_file()


def test_functions_belong_to_the_package():
    for name in FUNCTIONS:
        assert callable(getattr(cnnfs, name))
        assert getattr(cnnfs, name).__doc__.strip()


def test_arguments_by_position_and_by_name(function):
    want = function(X)
    assert_same_bits(function(x=X), want)
    assert_same_bits(function(out=None, x=X), want)
    out = np.empty_like(X)
    assert function(out=out, x=X) is out
    assert function(X, **{"".join(["o", "ut"]): out}) is out  # not an interned constant


def test_arguments_of_dense_by_position_and_by_name():
    want = cnnfs.dense(X, W, B, "relu")
    assert_same_bits(cnnfs.dense(X, W, B, activation="relu"), want)
    assert_same_bits(cnnfs.dense(X, W, activation="relu", bias=B), want)
    assert_same_bits(cnnfs.dense(X, bias=B, weights=W, activation="relu"), want)
    assert_same_bits(cnnfs.dense(activation="relu", bias=B, weights=W, x=X), want)
    name = "".join(["acti", "vation"])  # a keyword that is not an interned constant
    assert_same_bits(cnnfs.dense(X, W, B, **{name: "relu"}), want)


def test_arguments_of_a_model_by_position_and_by_name(model):
    want, out = model(X), np.empty((1, 5))
    for call in (model, model.forward, type(model).forward.__get__(model), model.__call__):
        assert_same_bits(call(X), want)
        assert_same_bits(call(x=X), want)
        assert call(X, out) is out
        assert call(X, out=out) is out
        assert call(out=out, x=X) is out
        assert_same_bits(call(X, None), want)


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((), {}, "x"),
        ((), {"out": None}, "x"),
        ((X, None), {}, "positional"),
        ((X, None, None), {}, "positional"),
        ((X,), {"x": X}, "x"),
        ((X,), {"wrong": 1}, "wrong"),
        ((), {"wrong": 1}, "x|wrong"),
        ((X,), {"out": None, "é": 1}, "é"),
        ((X,), {"ou": None}, "ou"),
        ((X,), {"out\0": None}, "out"),
    ],
)
def test_wrong_arguments_of_the_elementwise_functions(function, args, options, words):
    with pytest.raises(TypeError, match=words) as caught:
        function(*args, **options)
    assert function.__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((), {}, "x"),
        ((X,), {}, "weights"),
        ((), {"weights": W}, "x"),
        ((X, W, B, "relu", None), {}, "positional"),
        ((X, W), {"weights": W}, "weights"),
        ((X, W), {"x": X}, "x"),
        ((X, W, B), {"bias": B}, "bias"),
        ((X, W, B, "relu"), {"activation": "relu"}, "activation"),
        ((X, W), {"wrong": 1}, "wrong"),
        ((X, W), {"dtype": "float32"}, "dtype"),
    ],
)
def test_wrong_arguments_of_dense(args, options, words):
    with pytest.raises(TypeError, match=words) as caught:
        cnnfs.dense(*args, **options)
    assert "dense" in str(caught.value)


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ((), {}, "x"),
        ((), {"out": None}, "x"),
        ((X, None, None), {}, "argument"),
        ((X, None), {"out": None}, "out"),
        ((X,), {"x": X}, "x"),
        ((X,), {"wrong": 1}, "wrong"),
    ],
)
def test_wrong_arguments_of_a_model(model, args, options, words):
    for call in (model, model.forward):
        with pytest.raises(TypeError, match=words):
            call(*args, **options)
    assert model(X).shape == (1, 5)


def test_methods_refuse_another_self(model):
    for wrong in (None, 3, object(), X, cnnfs.Activation.RELU):
        for method in (type(model).forward, type(model).__call__):
            with pytest.raises(TypeError):
                method(wrong, X)
    other = cnnfs.Network if isinstance(model, cnnfs.Layer) else cnnfs.Layer
    with pytest.raises(TypeError):
        other.forward(model, X)


def test_an_object_that_was_never_initialised_is_refused():
    checked_python(
        """
        import copy, pickle
        import cnnfs
        import numpy as np

        class Bare(cnnfs.Layer):
            def __init__(self):
                pass  # super().__init__() is forgotten

        class BareNet(cnnfs.Network):
            def __init__(self):
                pass

        x = np.ones((2, 4), "float32")
        made = []
        for make in (Bare, BareNet, lambda: cnnfs.Layer.__new__(cnnfs.Layer),
                     lambda: cnnfs.Network.__new__(cnnfs.Network)):
            try:
                made.append(make())
            except TypeError:
                continue  # refused at once: as good
        for thing in made:
            uses = [lambda: thing(x), lambda: thing.forward(x), lambda: thing(x, x),
                    lambda: thing.weights, lambda: thing.n_inputs, lambda: thing.layers,
                    lambda: repr(thing), lambda: thing == thing, lambda: copy.copy(thing),
                    lambda: copy.deepcopy(thing), lambda: pickle.dumps(thing),
                    lambda: setattr(thing, "weights", x), lambda: cnnfs.Network([thing]),
                    lambda: len(thing), lambda: thing[0], lambda: thing.summary()]
            for number, use in enumerate(uses):
                try:
                    use()
                except Exception:
                    pass  # any exception will do; the process must live
            for use in uses[:3]:
                try:
                    use()
                except Exception:
                    continue
                raise AssertionError(f"{type(thing).__name__} ran uninitialised")
        """
    )


def test_initialising_again_is_safe():
    checked_python(
        """
        import cnnfs
        import numpy as np
        layer = cnnfs.Layer(4, 5, rng=0)
        taken, net = layer.weights, cnnfs.Network([layer])
        for sizes in ((4, 5), (3, 7), (400, 500)):
            try:
                layer.__init__(*sizes)
            except Exception:
                pass
            for model in (layer, net):
                try:
                    model(np.ones((9, 4), "float32"))
                except ValueError:
                    pass
        assert taken.shape == (5, 4) and np.isfinite(taken).all()
        try:
            net.__init__([cnnfs.Layer(2, 3), cnnfs.Layer(3, 1)])
        except Exception:
            pass
        """
    )
