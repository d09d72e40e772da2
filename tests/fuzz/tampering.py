"""Changes of a net's public attributes that must have no effect, or be refused."""

import dataclasses

import numpy as np

import fastnn


def tamper(rng, net):
    """Change something of a net, its layers, loss or arrays."""
    layer = net.layers[int(rng.integers(len(net.layers)))]
    arrays = [net.theta, *net.params, *layer.params, *layer.grads]
    array = arrays[int(rng.integers(len(arrays)))]
    n = int(rng.integers(1, 200))
    changes = (
        lambda: setattr(layer, "n_in", n),
        lambda: setattr(layer, "n_out", n),
        lambda: setattr(layer, "n", n),
        lambda: setattr(layer, "init", [np.zeros((n, n)), np.zeros(n)]),
        lambda: setattr(layer, "bind", lambda params, grads: None),
        lambda: setattr(layer, "compute", lambda x: x[:, :1]),
        lambda: setattr(layer, "params", [np.zeros((n, n))] * 2),
        lambda: setattr(layer, "shapes", lambda: [(n, n), (n,)]),
        lambda: setattr(layer, "code", n),
        lambda: setattr(layer, "owned", False),
        lambda: setattr(layer, "mixes_rows", True),
        lambda: layer.bind([np.zeros((n, n)), np.zeros(n)], [np.zeros(n)] * 2),
        lambda: layer.params.__setitem__(0, np.zeros((n, n))),
        lambda: fastnn.Sequential([layer, fastnn.Affine(1, 1)]),
        lambda: setattr(net.loss, "code", n % 3),
        lambda: setattr(net.loss, "name", "mse"),
        lambda: setattr(net.loss, "kind", n % 3),
        lambda: object.__setattr__(net.loss, "kind", n % 3),
        lambda: setattr(net.loss, "n_classes", lambda n_out: n),
        lambda: setattr(net.architecture, "n_out", n),
        lambda: setattr(net, "params", []),
        lambda: setattr(net, "layers", ()),
        lambda: net.params.__setitem__(0, np.zeros((n, n))),
        lambda: setattr(net, "theta", np.zeros(n + net.theta.size)),
        lambda: setattr(array, "shape", (array.size, 1)),
        lambda: setattr(array, "shape", (-1,)),
        lambda: setattr(array, "dtype", np.uint8),
        lambda: array.setflags(write=False),
        lambda: array.resize(n),
        lambda: array.resize(n, refcheck=False),
        lambda: np.lib.stride_tricks.as_strided(array),
        lambda: dataclasses.replace(net.architecture, n_out=n),
    )
    changes[int(rng.integers(len(changes)))]()
