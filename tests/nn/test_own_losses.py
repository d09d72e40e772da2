"""Losses of a user's own: subclasses of Loss that define compute and compute_back."""

import copy
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

import fastnn

Loss = fastnn.losses.Loss
RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
VALUES = RNG.standard_normal((20, 2))
LABELS = {"Sigmoid": RNG.integers(0, 2, 20), "Softmax": RNG.integers(0, 4, 20)}


class Squares(Loss):
    """The mean squared error again."""

    def compute(self, z, y):
        return ((z - y) ** 2).mean(axis=1)

    def compute_back(self, z, y):
        return 2 * (z - y) / z.shape[1]


class Logistic(Loss):
    """The binary cross-entropy again."""

    link = "Sigmoid"

    def compute(self, z, y):
        return np.logaddexp(0, np.where(y > 0, -z, z))[:, 0]

    def compute_back(self, z, y):
        return 1 / (1 + np.exp(-z)) - y


class Multinomial(Loss):
    """The softmax cross-entropy again."""

    link = "Softmax"

    def compute(self, z, y):
        true = np.take_along_axis(z, y.astype(int), axis=1)[:, 0]
        return np.log(np.exp(z).sum(axis=1)) - true

    def compute_back(self, z, y):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return p - (np.arange(z.shape[1]) == y)


@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """Squares near the target, and absolute differences far from it."""

    delta: float = 1.0

    def arguments(self):
        return ["mean", self.delta]

    def compute(self, z, y):
        gap, delta = np.abs(z - y), self.delta
        near, far = gap**2 / 2, delta * (gap - delta / 2)
        return np.where(gap <= delta, near, far).sum(axis=1)

    def compute_back(self, z, y):
        return np.clip(z - y, -self.delta, self.delta)


SAME = {
    "Identity": (Squares, "mse", 2, VALUES),
    "Sigmoid": (Logistic, "bce", 1, LABELS["Sigmoid"]),
    "Softmax": (Multinomial, "softmax_ce", 4, LABELS["Softmax"]),
}


@pytest.mark.parametrize("link", SAME)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_built_in_loss_written_again_trains_the_same(link, dtype):
    kind, name, n_out, y = SAME[link]
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    own, built_in = (
        fastnn.mlp(3, 5, n_out, activation="tanh", loss=loss, seed=1, dtype=dtype)
        for loss in (kind(), name)
    )
    assert "layer by layer" in own.summary()
    assert own.loss.link == link
    for reduction in ("mean", "sum"):
        loss, grads = own.loss_and_grads(X, y, reduction)
        expected, expected_grads = built_in.loss_and_grads(X, y, reduction)
        assert loss == pytest.approx(expected, rel=tolerance)
        for grad, wanted in zip(grads, expected_grads, strict=True):
            assert grad == pytest.approx(wanted, rel=100 * tolerance, abs=tolerance)
    assert fastnn.check_gradients(own, X, y)
    for size in (1, 7, "full"):
        histories = [
            net.fit(X, y, epochs=3, lr=0.1, batch_size=size) for net in (own, built_in)
        ]
        ours, theirs = histories
        assert ours.loss == pytest.approx(theirs.loss, rel=100 * tolerance)
        assert np.array_equal(ours.accuracy, theirs.accuracy, equal_nan=True)
    assert own.theta == pytest.approx(built_in.theta, abs=1e3 * tolerance)
    assert own.predict(X) == pytest.approx(built_in.predict(X), abs=1e3 * tolerance)
    assert own.score(X, y) == pytest.approx(built_in.score(X, y), abs=1e3 * tolerance)
    if link != "Identity":
        assert own.predict_proba(X) == pytest.approx(
            built_in.predict_proba(X), abs=1e3 * tolerance
        )
    else:
        with pytest.raises(ValueError, match="'Squares' predicts values"):
            own.predict_proba(X)


def test_a_loss_with_a_parameter_of_its_own_in_many_nets():
    net = fastnn.mlp(3, 4, 2, loss=Huber(delta=0.3), seed=1)
    assert fastnn.check_gradients(net, X, VALUES)
    before = net.loss_and_grads(X, VALUES)[0]
    how = {"epochs": 20, "lr": 0.1, "batch_size": 5}
    runs = net.fit_many(X, VALUES, seeds=[1, 2], **how)
    assert net.fit(X, VALUES, **how).loss[-1] < before
    assert (runs[0].theta == net.theta).all()
    assert runs[0].loss == Huber(delta=0.3) != Huber()
    assert np.isnan(runs.accuracy).all()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.loss.delta == 0.3
        assert twin.loss_and_grads(X, VALUES)[0] == net.loss_and_grads(X, VALUES)[0]


def test_a_loss_of_ones_own_works_without_a_net():
    z = RNG.standard_normal((20, 2))
    for reduction in ("mean", "sum"):
        own, built_in = Squares(reduction), fastnn.MSE(reduction)
        assert own.forward(z, VALUES) == pytest.approx(built_in.forward(z, VALUES))
        assert own.backward() == pytest.approx(built_in.backward())
    assert repr(Squares("sum")) == "Squares('sum')"


def test_a_net_may_end_in_an_activation_before_a_loss_of_ones_own():
    layers = [fastnn.Affine(3, 2), fastnn.Tanh()]
    own = fastnn.Sequential(layers, Squares(), seed=1)
    built_in = fastnn.mlp(3, 2, loss="mse", seed=1)
    assert own.predict(X) == pytest.approx(np.tanh(built_in.predict(X)))
    assert fastnn.check_gradients(own, X, VALUES)
    linked = fastnn.Sequential([fastnn.Affine(3, 1), fastnn.Sigmoid()], Logistic())
    assert len(linked.architecture.stack) == 1
    with pytest.raises(ValueError, match="goes with Sigmoid"):
        fastnn.Sequential([fastnn.Affine(3, 1), fastnn.Tanh()], Logistic())


WRONG = {
    "a number": (lambda n: 1.0, r"returned losses of shape \(\), but \(20,\)"),
    "a column": (lambda n: np.ones((n, 1)), r"returned losses of shape \(20, 1\)"),
    "too few": (lambda n: np.ones(n - 1), r"returned losses of shape \(19,\)"),
    "None": (lambda n: None, "returned losses that is None"),
    "complex": (lambda n: np.ones(n) * 1j, "complex"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_loss_returns_is_checked(case):
    make, message = WRONG[case]

    class Wrong(Squares):
        def compute(self, z, y):
            return make(len(z))

    class WrongBack(Squares):
        def compute_back(self, z, y):
            return make(len(z))

    for kind, text in ((Wrong, message), (WrongBack, "returned a gradient")):
        net = fastnn.mlp(3, 2, loss=kind())
        before = net.theta.copy()
        for call in (
            lambda net=net: net.loss_and_grads(X, VALUES),
            lambda net=net: net.fit(X, VALUES, epochs=1, lr=0.1, batch_size="full"),
            lambda kind=kind: kind().forward(VALUES, VALUES),
        ):
            with pytest.raises(
                (ValueError, TypeError), match=rf"^{kind.__name__}.*{text}"
            ):
                call()
        assert (net.theta == before).all()


def test_a_loss_that_is_not_finite_is_a_divergence_at_its_row():
    class Breaks(Squares):
        def compute(self, z, y):
            return np.where(y[:, 0] > 8, np.nan, super().compute(z, y))

    y = VALUES.copy()
    y[7] = 9.0
    net = fastnn.mlp(3, 2, loss=Breaks())
    with pytest.raises(fastnn.DivergenceError) as error:
        net.fit(X, y, epochs=1, lr=0.1, batch_size=5, shuffle=False)
    assert error.value.sample == 7


def test_a_loss_gets_arrays_that_it_cannot_change():
    class Writes(Squares):
        def compute_back(self, z, y):
            for array in (z, y):
                with pytest.raises(ValueError, match="read-only"):
                    array[...] = 0.0
            return super().compute_back(z, y)

    fastnn.mlp(3, 2, loss=Writes()).loss_and_grads(X, VALUES)


@pytest.mark.parametrize("member", ["kind", "code", "n_classes", "link", "linked"])
def test_a_subclass_cannot_change_what_the_kernels_go_by(member):
    with pytest.raises(TypeError, match=rf"Other.{member} cannot be defined"):
        type("Other", (fastnn.MSE,), {member: 1})
    with pytest.raises(TypeError, match="must define both compute"):
        type("Half", (fastnn.MSE,), {"compute": lambda self, z, y: z})
    with pytest.raises(TypeError, match=r"link is 'Tanh', but must be one of"):
        type("Odd", (Squares,), {"link": "Tanh"})

    class Renamed(fastnn.MSE):
        """The same loss, which the compiled loops serve."""

    net = fastnn.mlp(3, 2, loss=Renamed())
    assert "layer by layer" not in net.summary()
    assert net.loss_and_grads(X, VALUES)[0] > 0


class SoftLogistic(Loss):
    """The binary cross-entropy of probabilities, for one output or several."""

    link, takes_probabilities = "Sigmoid", True

    def compute(self, z, y):
        return (np.logaddexp(0, z) - y * z).mean(axis=1)

    def compute_back(self, z, y):
        return (1 / (1 + np.exp(-z)) - y) / z.shape[1]


class SoftMultinomial(Multinomial):
    """The softmax cross-entropy of labels or probabilities."""

    takes_probabilities = True

    def compute(self, z, y):
        if y.shape[1] == 1:
            return super().compute(z, y)
        return np.log(np.exp(z).sum(axis=1)) - (y * z).sum(axis=1)

    def compute_back(self, z, y):
        if y.shape[1] == 1:
            return super().compute_back(z, y)
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - y


@pytest.mark.parametrize(
    ("own", "built_in", "y"),
    [
        (SoftLogistic(), "bce", RNG.integers(0, 2, (20, 3))),
        (SoftLogistic(), "bce", RNG.random((20, 3))),
        (SoftLogistic(), "bce", RNG.random(20)),
        (SoftMultinomial(), "softmax_ce", RNG.dirichlet(np.ones(3), 20)),
        (SoftMultinomial(), "softmax_ce", np.arange(20) % 3),
    ],
)
def test_losses_of_probabilities_train_as_the_built_in_ones(own, built_in, y):
    n_out = 3 if built_in == "softmax_ce" or y.ndim == 2 else 1
    nets = [fastnn.mlp(3, 4, n_out, loss=loss, seed=0) for loss in (own, built_in)]
    histories = [net.fit(X, y, epochs=3, lr=0.3, batch_size=5) for net in nets]
    assert np.abs(nets[0].theta - nets[1].theta).max() < 1e-12
    assert np.abs(histories[0].loss - histories[1].loss).max() < 1e-12
    assert histories[0].accuracy.tolist() == histories[1].accuracy.tolist()
    assert nets[0].score(X, y) == nets[1].score(X, y)
    difference = nets[0].predict_proba(X) - nets[1].predict_proba(X)
    assert np.abs(difference).max() < 1e-12
    assert fastnn.check_gradients(nets[0], X, y).ok


def test_losses_of_labels_refuse_probabilities():
    class Focal(fastnn.BCE):
        """A subclass of a loss of probabilities, with formulas for labels."""

        compute, compute_back = Logistic.compute, Logistic.compute_back

    for loss in (Logistic(), Focal()):
        with pytest.raises(ValueError, match=r"label 0\.5 in row 0"):
            fastnn.mlp(3, 1, loss=loss).fit(X, [0.5] * 20, epochs=1, lr=0.1)
        with pytest.raises(ValueError, match="does not fit a net with 2 outputs"):
            fastnn.mlp(3, 2, loss=loss)
    net = fastnn.mlp(3, 2, loss=Multinomial())
    with pytest.raises(ValueError, match="row 0 of y"):
        net.fit(X, [[0.5, 0.5]] * 20, epochs=1, lr=0.1)


def test_a_wrong_number_of_outputs_is_refused():
    with pytest.raises(ValueError, match=r"Sigmoid\(\), which does not fit"):
        fastnn.mlp(3, 2, loss=Logistic())
    with pytest.raises(ValueError, match=r"Softmax\(\), which does not fit"):
        fastnn.mlp(3, 1, loss=Multinomial())


def test_losses_of_ones_own_are_loaded_by_whoever_has_their_class(tmp_path):
    net, path = fastnn.mlp(3, 2, loss=Huber(delta=0.3)), tmp_path / "net.npz"
    net.save(path)
    loaded = fastnn.load(path, own=[Huber])
    assert loaded.loss == net.loss
    assert loaded.loss_and_grads(X, VALUES)[0] == net.loss_and_grads(X, VALUES)[0]
    with pytest.raises(ValueError, match=r"'Huber', which is none of.*pass its class"):
        fastnn.load(path)
    with pytest.raises(TypeError, match=r"Squares is not one of fastnn's losses"):
        fastnn.mlp(3, 2, loss=Squares()).save(path)
