"""Layers, optimizers and arrays as users may write them, right and wrong."""

import numpy as np

import fastnn


def any_array(rng, shape):
    """Return numbers of about this shape, in any type and memory layout."""
    array = np.array(rng.standard_normal(shape), ndmin=1)
    forms = (
        lambda a: a,
        lambda a: a,
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1],
        lambda a: a.astype(np.float32),
        lambda a: a > 0,
        lambda a: a.astype(">f8"),
        lambda a: a.tolist(),
        lambda a: np.asmatrix(a) if a.ndim == 2 else a,
        lambda a: a[:, :1] if a.ndim == 2 else a[:1],
        lambda a: a[:1],
        lambda a: a[:0],
        lambda a: np.concatenate([a, a]),
        lambda a: a.reshape(-1),
        lambda a: a[..., np.newaxis],
        lambda a: a + np.nan,
        lambda a: a.astype(complex),
        lambda a: a.astype(object),
        lambda a: np.broadcast_to(a[:1], a.shape),
        lambda a: np.ma.masked_array(a, a > 0),
        lambda a: None,
        lambda a: "numbers",
        lambda a: 1.0,
    )
    return forms[int(rng.integers(len(forms)))](array)


class Own(fastnn.layers.Layer):
    """A layer that returns something else in a part of its calls."""

    def __init__(self, seed, share):
        self.rng, self.share = np.random.default_rng(seed), share
        self.buffer = np.zeros((1, 1))

    def _wrong(self):
        return self.rng.random() < self.share

    def compute(self, x):
        if not self._wrong():
            return x * 0.5
        forms = (
            lambda: any_array(self.rng, x.shape),
            lambda: x,
            lambda: x[:],
            lambda: self._in_buffer(x),
            lambda: x.astype(np.float32),
        )
        return forms[int(self.rng.integers(len(forms)))]()

    def _in_buffer(self, x):
        """Return an array that the next call resizes, which frees its memory."""
        self.buffer.resize(x.shape, refcheck=False)
        self.buffer[...] = x
        return self.buffer

    def compute_back(self, dout, x, out):
        if not self._wrong():
            return dout * 0.5
        self.buffer.resize((1, 1), refcheck=False)
        return any_array(self.rng, x.shape)


class Scale(fastnn.layers.Layer):
    """A layer with parameters of its own, some of the wrong shape."""

    def __init__(self, rng):
        self.wrong = int(rng.integers(12))

    def shapes(self):
        return [(1,)]

    def draw(self, rng, default):
        return [np.ones(2 if self.wrong == 0 else 1)]

    def compute(self, x):
        return x * self.params[0]

    def compute_back(self, dout, x, out):
        self.grads[0][...] = (dout * x).sum()
        if self.wrong == 1:
            self.grads[0].shape = (1, 1)
        return dout * self.params[0]


class Narrow(fastnn.Affine):
    """An Affine that declares other sizes than it has."""

    def n_outputs(self, n_in):
        return 3


class Short(fastnn.Affine):
    """An Affine whose bias is too short."""

    def shapes(self):
        return [(self.n_in, self.n_out), (1,)]


def layer(rng):
    kind = int(rng.integers(8))
    if kind == 0:
        return Scale(rng)
    if kind == 1:
        n = int(rng.integers(1, 9))
        return (Narrow, Short)[int(rng.integers(2))](n, n)
    return Own(int(rng.integers(1000)), float(rng.choice([0.0, 0.0, 0.2])))


class OwnLoss(fastnn.losses.Loss):
    """A loss that returns something else in a part of its calls."""

    def compute(self, z, y):
        right = (z**2).sum(axis=1)
        return self._one_of(z, lambda rng: any_array(rng, right.shape), right)

    def compute_back(self, z, y):
        return self._one_of(z, lambda rng: any_array(rng, z.shape), 2 * z)

    def _one_of(self, z, wrong, right):
        rng = np.random.default_rng(np.frombuffer(z.tobytes(), np.uint32))
        return wrong(rng) if rng.random() < 0.2 else right


class OwnClasses(OwnLoss):
    """A loss of classes."""

    link = "Softmax"


class OwnSGD(fastnn.SGD):
    """An optimizer that returns something else."""

    def settings(self):
        return any_array(self.rng(), 5)

    def settings_per_net(self, n_nets):
        return any_array(self.rng(), (6, n_nets))

    def rng(self):
        return np.random.default_rng(int(self.lr * 1e6))


class OwnRates(OwnSGD):
    """An optimizer with any learning rates."""

    settings = fastnn.SGD.settings
    settings_per_net = fastnn.SGD.settings_per_net

    def learning_rates(self, params):
        return any_array(self.rng(), sum(param.size for param in params))


class OwnCode(OwnSGD):
    """An optimizer whose rule is not one of the kernels'."""

    settings = fastnn.SGD.settings
    settings_per_net = fastnn.SGD.settings_per_net

    @property
    def code(self):
        return (-1, 3, 50, 99, "sgd", None, True)[int(self.rng().integers(7))]


def optimizer(rng):
    kind = (OwnSGD, OwnRates, OwnCode)[int(rng.integers(3))]
    return kind(float(rng.uniform(0, 1)))
