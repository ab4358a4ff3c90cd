"""Networks from scikit-learn: the same numbers, and errors that name every part."""

import itertools
import warnings

import numpy as np
import pytest
from interop_bounds import Dense, assert_close, outputs
from reference import assert_same_bits
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

import cnnfs
from cnnfs import ConversionError

ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
OUTPUTS = {"identity": "linear", "logistic": "sigmoid", "softmax": "softmax"}
ROWS = 40


def table(rng, columns=6, dtype=np.float64):
    """Features of very different size and place."""
    scales, places = np.exp(rng.normal(size=columns)), 3 * rng.normal(size=columns)
    return (rng.normal(size=(ROWS, columns)) * scales + places).astype(dtype)


def targets(kind, rng):
    labels = np.arange(ROWS) % {"binary": 2, "classes": 4}.get(kind, 1)
    return {
        "binary": labels,
        "classes": np.array(["d", "a", "c", "b"])[labels],
        "multilabel": rng.integers(0, 2, (ROWS, 3)),
        "number": rng.normal(size=ROWS),
        "numbers": rng.normal(size=(ROWS, 3)),
    }[kind]


KINDS = ["binary", "classes", "multilabel", "number", "numbers"]


def perceptron(kind, hidden=(5, 4), activation="relu", **options):
    make = MLPRegressor if kind.startswith("number") else MLPClassifier
    return make(
        hidden_layer_sizes=hidden, activation=activation, max_iter=2, random_state=0, **options
    )


def fitted(model, x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def answer(model, x):
    """What the network is to give, in its shape."""
    if not hasattr(model, "predict_proba"):
        return model.predict(x).reshape(len(x), -1)
    p = model.predict_proba(x)
    last = model if isinstance(model, MLPClassifier) else model[-1]
    return p[:, 1:] if last.n_outputs_ == 1 else p


def layers(mlp):
    names = [ACTIVATIONS[mlp.activation]] * (mlp.n_layers_ - 2) + [OUTPUTS[mlp.out_activation_]]
    triples = zip(mlp.coefs_, mlp.intercepts_, names, strict=True)
    return [Dense(w.T, b, name) for w, b, name in triples]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_same_numbers(kind, activation, dtype, rng):
    x, y = table(rng, dtype=dtype), targets(kind, rng)
    for hidden in [(5, 4), (), (7,)]:
        model = fitted(perceptron(kind, hidden, activation), x, y)
        net = cnnfs.from_sklearn(model)
        assert net.dtype == dtype == model.coefs_[0].dtype
        _, bound = outputs(layers(model), x, dtype, dtype)
        assert_close(net(x), answer(model, x), bound)


@pytest.mark.parametrize("wanted", ["float32", "float64"])
def test_the_dtype_of_choice(wanted, dtype, rng):
    x, y = table(rng, dtype=dtype), targets("classes", rng)
    model = fitted(perceptron("classes"), x, y)
    net = cnnfs.from_sklearn(model, dtype=wanted)
    assert net.dtype == wanted
    _, bound = outputs(layers(model), x, np.dtype(wanted), dtype)
    assert_close(net(x.astype(wanted)), answer(model, x), bound)


def test_the_weights_are_copied(rng):
    x, y = table(rng), targets("number", rng)
    model = fitted(perceptron("number"), x, y)
    net = cnnfs.from_sklearn(model)
    before = net(x)
    assert_same_bits(net[0].weights, np.ascontiguousarray(model.coefs_[0].T))
    model.coefs_[0][:] = 0
    assert_same_bits(net(x), before)


# ---- scaling -----------------------------------------------------------------------------------

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-3, 5)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
]


def scaled_layers(pipeline, x):
    """The layers with the scaling folded in, in a wide type; and the size of what was added up."""
    columns = x.shape[1]
    shift, scale, size = np.zeros(columns), np.ones(columns), np.zeros(columns)
    for step in pipeline[:-1]:
        origin, unit = (step.transform(np.full((1, columns), k))[0] for k in (0.0, 1.0))
        slope = unit - origin
        shift, scale = shift * slope + origin, scale * slope
        size = size * np.abs(slope) + np.abs(origin)
    first, *rest = layers(pipeline[-1])
    folded = Dense(
        first.weights * scale,
        first.weights @ shift + first.bias,
        first.activation,
        np.abs(first.weights) @ size + np.abs(first.bias),
    )
    return [folded, *rest]


@pytest.mark.parametrize("wanted", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_scalers_are_folded_into_the_first_layer(kind, wanted, rng):
    x, y = table(rng), targets(kind, rng)
    several = itertools.chain(((s,) for s in SCALERS), itertools.permutations(SCALERS[::4], 2))
    for scalers in several:
        model = fitted(make_pipeline(*scalers, perceptron(kind)), x, y)
        net = cnnfs.from_sklearn(model, dtype=wanted)
        assert len(net) == 3
        _, bound = outputs(scaled_layers(model, x), x, np.dtype(wanted), np.dtype(float))
        assert_close(net(x.astype(wanted)), answer(model, x), bound, str(scalers))


def test_constant_features(rng):
    x, y = table(rng), targets("number", rng)
    x[:, 2] = 7.0
    for scaler in (StandardScaler(), MinMaxScaler(), RobustScaler()):
        model = fitted(make_pipeline(scaler, perceptron("number")), x, y)
        _, bound = outputs(scaled_layers(model, x), x, np.dtype(float), np.dtype(float))
        assert_close(cnnfs.from_sklearn(model)(x), answer(model, x), bound)


def test_steps_that_do_nothing_and_pipelines_in_pipelines(rng):
    x, y = table(rng), targets("classes", rng)
    model = Pipeline(
        [
            ("nothing", "passthrough"),
            ("none", None),
            ("scale", make_pipeline(StandardScaler())),
            ("net", perceptron("classes")),
        ]
    )
    model = fitted(model, x, y)
    plain = fitted(make_pipeline(StandardScaler(), perceptron("classes")), x, y)
    assert_same_bits(cnnfs.from_sklearn(model)(x), cnnfs.from_sklearn(plain)(x))


@pytest.mark.parametrize("kind", ["number", "numbers"])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(clip=True), MaxAbsScaler()])
def test_a_scaled_target_is_folded_into_the_last_layer(kind, scaler, rng):
    x, y = table(rng), 100 + 5 * targets(kind, rng)
    inner = make_pipeline(StandardScaler(), perceptron(kind))
    model = fitted(TransformedTargetRegressor(inner, transformer=scaler), x, y)
    net = cnnfs.from_sklearn(model)
    assert len(net) == 3
    scaled = scaled_layers(model.regressor_, x)
    origin = model.transformer_.inverse_transform(np.zeros((1, net.n_outputs)))[0]
    slope = model.transformer_.inverse_transform(np.ones((1, net.n_outputs)))[0] - origin
    last = scaled[-1]
    bias, size = last.bias * slope + origin, np.abs(last.bias * slope) + np.abs(origin)
    scaled[-1] = Dense(last.weights * slope[:, None], bias, "linear", size)
    _, bound = outputs(scaled, x, np.dtype(float), np.dtype(float))
    assert_close(net(x), answer(model, x), bound)
    whole = fitted(make_pipeline(MaxAbsScaler(), model), x, y)
    assert cnnfs.from_sklearn(whole).n_outputs == net.n_outputs


# ---- what can't be converted -------------------------------------------------------------------


def parts_of(model):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_sklearn(model)
    return caught.value.parts


def test_every_part_that_is_in_the_way_is_named(rng):
    x, y = table(rng), targets("classes", rng)
    model = make_pipeline(
        PCA(3), MinMaxScaler(clip=True), FunctionTransformer(np.abs), perceptron("classes")
    )
    model = fitted(model, x, y)
    pca, clipped, root = parts_of(model)
    assert pca.startswith("['pca'] PCA: it is no network, and no scaler")
    assert clipped.startswith("['minmaxscaler'] MinMaxScaler: clip=True")
    assert root.startswith(
        "['functiontransformer'] FunctionTransformer: it is no network, and no scaler"
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_estimators_are_refused(rng):
    x, y = table(rng), targets("classes", rng)
    (part,) = parts_of(LogisticRegression().fit(x, y))
    assert part.startswith("LogisticRegression: ")
    search = GridSearchCV(MLPClassifier(max_iter=1), {"alpha": [0.1]}, cv=2).fit(x, y)
    (part,) = parts_of(search)
    assert part.endswith("into one: give its best_estimator_")
    (part,) = parts_of(make_pipeline(StandardScaler()).fit(x))
    assert "no dense layer" in part
    (part,) = parts_of(fitted(make_pipeline(StandardScaler(), LogisticRegression()), x, y))
    assert part.startswith("['logisticregression']")


def test_what_is_not_fitted_is_named():
    (part,) = parts_of(MLPClassifier())
    assert part == "MLPClassifier: it is not fitted yet: call its fit"
    scaler, mlp = parts_of(make_pipeline(StandardScaler(), MLPRegressor()))
    assert scaler.startswith("['standardscaler']")
    assert mlp.startswith("['mlpregressor']")
    (part,) = parts_of(TransformedTargetRegressor(MLPRegressor()))
    assert "not fitted" in part


def test_a_subclass_may_compute_something_else(rng):
    class Squared(StandardScaler):
        def transform(self, x):
            return super().transform(x) ** 2

    x, y = table(rng), targets("number", rng)
    (part,) = parts_of(fitted(make_pipeline(Squared(), perceptron("number")), x, y))
    assert part.startswith("['squared'] Squared")


def test_an_output_that_cnnfs_does_not_have(rng):
    model = MLPRegressor(max_iter=1)
    if "loss" not in model.get_params():
        pytest.skip("this scikit-learn has one loss only")
    model.set_params(loss="poisson", learning_rate_init=1e-4)
    (part,) = parts_of(fitted(model, table(rng), np.arange(ROWS)))
    assert "layer 1: cnnfs has no activation" in part


@pytest.mark.parametrize("thing", [None, "model.pkl", 3, {}, MLPClassifier])
def test_things_that_are_no_estimators(thing):
    with pytest.raises(TypeError, match="model must be a fitted MLPClassifier"):
        cnnfs.from_sklearn(thing)


def test_too_large_for_float32(rng):
    x, y = table(rng), targets("number", rng)
    model = fitted(make_pipeline(StandardScaler(), perceptron("number")), x, y)
    model[0].scale_ *= 1e-60
    with pytest.raises(ConversionError, match="layer 0: too large for float32"):
        cnnfs.from_sklearn(model, dtype="float32")
    assert np.isfinite(cnnfs.from_sklearn(model)[0].weights).all()


def test_the_converted_network_learns_on(rng):
    x, y = table(rng), targets("numbers", rng)
    net = cnnfs.from_sklearn(fitted(make_pipeline(StandardScaler(), perceptron("numbers")), x, y))
    history = net.fit(x, y, epochs=30, rng=0)
    assert history["loss"][-1] < history["loss"][0]
