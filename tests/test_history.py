"""History: a dict of series, and the picture of it."""

import copy
import pickle

import matplotlib as mpl
import numpy as np
import pytest
from helpers import checked_python

from cnnfs.history import History

CLASSES = {
    "loss": [0.9, 0.5, 0.4],
    "accuracy": [0.5, 0.7, 0.8],
    "val_loss": [0.8, 0.6, 0.6],
    "val_accuracy": [0.5, 0.6, 0.6],
}
REGRESSION = {
    f"{prefix}{name}": [1.0, 2.0] for prefix in ("", "val_") for name in ("loss", "r2", "mae")
}


@pytest.fixture(autouse=True)
def pyplot(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_it_is_a_dict():
    history = History(CLASSES)
    assert history == CLASSES
    assert isinstance(history, dict)
    assert type(pickle.loads(pickle.dumps(history))) is History
    assert copy.deepcopy(history) == history
    assert repr(History(loss=[1.0])) == "{'loss': [1.0]}"


def test_the_loss_is_left_and_the_metric_right():
    axes = History(CLASSES).plot()
    assert isinstance(axes, np.ndarray)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "accuracy"]
    assert list(lines(axes[0])) == ["training loss", "validation loss"]
    assert list(lines(axes[1])) == ["training accuracy", "validation accuracy"]
    for ax in axes:
        assert ax.get_xlabel() == "epoch"
        assert ax.get_legend() is not None
        assert [line.get_linestyle() for line in ax.get_lines()] == ["-", "--"]
        assert len({line.get_color() for line in ax.get_lines()}) == 2


def test_the_curves_are_the_series():
    axes = History(CLASSES).plot()
    for ax, name in zip(axes, ("loss", "accuracy"), strict=True):
        for label, key in ((f"training {name}", name), (f"validation {name}", f"val_{name}")):
            line = lines(ax)[label]
            assert line.get_xdata().tolist() == [1, 2, 3]
            assert list(line.get_ydata()) == CLASSES[key]


def test_metrics_of_other_units_have_axes_of_their_own():
    axes = History(REGRESSION).plot()
    assert [ax.get_ylabel() for ax in axes] == ["loss", "R²", "mean absolute error"]


def test_the_order_of_the_keys_does_not_matter():
    axes = History(reversed(CLASSES.items())).plot()
    assert list(lines(axes[0])) == ["training loss", "validation loss"]


def test_without_metrics_there_is_one_picture():
    (ax,) = History(loss=[2.0, 1.0]).plot()
    assert list(lines(ax)) == ["training loss"]


def test_all_goes_into_the_axes_given(pyplot):
    _, mine = pyplot.subplots()
    assert History(CLASSES).plot(mine) is mine
    drawn = lines(mine)
    assert len(drawn) == 4
    assert drawn["training loss"].get_color() == drawn["validation loss"].get_color()
    assert drawn["training loss"].get_color() != drawn["training accuracy"].get_color()
    assert drawn["validation accuracy"].get_linestyle() == "--"
    assert mine.get_ylabel() == ""
    assert len(pyplot.get_fignums()) == 1


def test_one_measure_in_the_axes_given_names_them(pyplot):
    _, mine = pyplot.subplots()
    History(CLASSES).plot(mine, keys=["loss", "val_loss"])
    assert mine.get_ylabel() == "loss"


def test_keys():
    history = History(CLASSES)
    (ax,) = history.plot(keys="val_accuracy")
    assert list(lines(ax)) == ["validation accuracy"]
    axes = history.plot(keys=iter(["accuracy", "loss"]))
    assert [list(lines(ax)) for ax in axes] == [["training loss"], ["training accuracy"]]
    with pytest.raises(ValueError, match='no "acc" to plot, only "loss", "accuracy", "val_loss"'):
        history.plot(keys=["loss", "acc"])


@pytest.mark.parametrize("empty", [{}, {"loss": []}])
def test_nothing_to_draw(empty):
    with pytest.raises(ValueError, match="nothing to plot"):
        History(empty).plot()


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 20, 1000])
def test_ticks_are_whole_epochs(epochs):
    (ax,) = History(loss=[1.0] * epochs).plot()
    ax.figure.canvas.draw()
    ticks = ax.get_xticks()
    assert len(ticks) >= 1
    assert (ticks == np.round(ticks)).all()
    visible = [t for t in ticks if ax.get_xlim()[0] <= t <= ax.get_xlim()[1]]
    assert visible


def test_one_epoch_can_be_seen():
    (ax,) = History(loss=[1.0]).plot()
    assert ax.get_lines()[0].get_marker() == "o"


def test_it_is_drawn(tmp_path):
    file = tmp_path / "curves.png"
    History(CLASSES).plot()[0].figure.savefig(file)
    assert file.stat().st_size > 5000


def test_without_matplotlib_the_error_says_what_to_install():
    code = """
        import sys
        sys.modules["matplotlib"] = None
        from cnnfs.history import History
        try:
            History(loss=[1.0]).plot()
        except ImportError as error:
            print(error)
    """
    assert "python -m pip install matplotlib" in checked_python(code)


def test_matplotlib_is_imported_by_plot_only():
    code = """
        import sys, cnnfs.history, cnnfs.callbacks
        print([name for name in ("matplotlib", "tqdm") if name in sys.modules])
    """
    assert checked_python(code) == "[]\n"
