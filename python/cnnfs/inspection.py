"""The methods of a network that look into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from cnnfs import _cnnfs_core

# What only gradients need is imported by the methods: a program that runs a network starts sooner.
if TYPE_CHECKING:
    from cnnfs.losses import Loss
    from cnnfs.network import Network

Array = npt.NDArray[Any]


class LayerGradients(NamedTuple):
    """The slopes of a loss with respect to a layer's parameters."""

    dweights: Array
    dbias: Array


class Gradients(NamedTuple):
    """A loss and its slopes, as `Network.gradients` gives them."""

    loss: float
    layers: list[LayerGradients]
    dx: Array


class Inspection:
    """What shows how a network comes to its outputs. Nothing is changed."""

    def gradients(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: str | Loss | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Gradients:
        """The loss of a batch and its slopes, without dropout; nothing is changed.

        Parameters
        ----------
        x, y, loss, sample_weight
            As of `fit`; a single row may be 1-D.

        Returns
        -------
        Gradients
            A named tuple ``(loss, layers, dx)``. ``layers`` has ``(dweights, dbias)`` for each
            Layer, of the shapes of its weights and bias; dx has the shape of x. Penalties are
            part of the loss and of the slopes.

        Raises
        ------
        ValueError, TypeError
            As `fit`.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer.from_arrays([[2.0]], [1.0])])
        >>> loss, layers, dx = net.gradients([[1.0]], [5.0])
        >>> loss, layers[0].dweights, layers[0].dbias, dx
        (4.0, array([[-4.]]), array([-4.]), array([[-8.]]))
        """
        from cnnfs.course import Plan

        plan = Plan(self._network, loss)
        data = plan.data(x, y, sample_weight, names=("x", "y"), one_row=True)
        rows_of_x, targets, weights, rows = data
        value, layers, dx = _cnnfs_core.gradients(
            plan.layers, *plan.choice, rows_of_x, targets, weights, rows
        )
        return Gradients(value, [LayerGradients(*pair) for pair in layers], dx.reshape(np.shape(x)))

    def input_gradient(self, x: npt.ArrayLike) -> Array:
        """The slopes of the outputs with respect to the inputs, for each row.

        Parameters
        ----------
        x : array_like, shape (n_inputs,) or (..., n_inputs)

        Returns
        -------
        ndarray, shape (n_outputs, n_inputs) or (..., n_outputs, n_inputs)
            At ``[..., o, i]`` the derivative of output o with respect to input i: the Jacobian.

        Raises
        ------
        ValueError
            If shapes do not fit, a number is not finite, or a layer's activation is "step".
        TypeError
            If x is not made of real numbers.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer.from_arrays([[2.0, 3.0]], activation="relu")])
        >>> net.input_gradient([[1.0, 1.0], [-1.0, -1.0]])
        array([[[2., 3.]],
        <BLANKLINE>
               [[0., 0.]]])
        """
        from cnnfs.course import Plan
        from cnnfs.targets import check_inputs

        network = self._network
        plan = Plan(network, "mse")
        shape = np.shape(x)
        rows = np.reshape(np.asarray(x), (-1, shape[-1])) if len(shape) > 2 else x
        if len(shape) > 1 and 0 in shape[:-1] and shape[-1] == network.n_inputs:
            return np.empty((*shape[:-1], network.n_outputs, shape[-1]), network.dtype)
        inputs = check_inputs(rows, network.n_inputs, network.dtype, "x", one_row=True)
        made = _cnnfs_core.input_gradient(plan.layers, inputs)
        return made.reshape(*shape[:-1], network.n_outputs, network.n_inputs)

    def activations(self, x: npt.ArrayLike) -> list[Array]:
        """Every layer's output on the way through the network.

        Parameters
        ----------
        x : array_like, shape (n_inputs,) or (..., n_inputs)

        Returns
        -------
        list of ndarray, shapes (n_neurons,) or (..., n_neurons)
            One for each Layer. The last has the bits of ``net(x)``.

        Raises
        ------
        ValueError, TypeError
            As ``net(x)``.

        Examples
        --------
        >>> import cnnfs
        >>> first = cnnfs.Layer.from_arrays([[1.0], [-1.0]], activation="relu")
        >>> net = cnnfs.Network([first, cnnfs.Layer.from_arrays([[1.0, 2.0]])])
        >>> net.activations([-3.0])
        [array([0., 3.]), array([6.])]
        """
        outputs: list[Array] = []
        for layer in self._network._only_layers:
            outputs.append(layer(outputs[-1] if outputs else x))
        return outputs

    @property
    def _network(self) -> Network:
        return cast("Network", self)
