"""What layers and optimizers hand to the kernels: checked, or copied."""

import copy
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from nets import GATE, LABELS

import fastnn
from fastnn.nn.boundary import readable, writable

Layer = fastnn.layers.Layer
RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 3))
Y = np.array([0, 1, 1, 0, 1, 0])


class Own(Layer):
    """Half of x; the output and the gradient go through a function of the test's."""

    def __init__(self, out=lambda x: x, back=lambda d: d):
        self.out, self.back = out, back

    def compute(self, x):
        return self.out(0.5 * x)

    def compute_back(self, dout, x, out):
        return self.back(0.5 * dout)


def make_net(*between, dtype="float64"):
    layers = [fastnn.Affine(3, 4), fastnn.Tanh(), *between, fastnn.Affine(4, 1)]
    return fastnn.Sequential(layers, "bce", seed=1, dtype=dtype)


FORMS = {
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1][::-1],
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "a list": lambda a: a.tolist(),
    "a subclass": lambda a: a.view(np.recarray),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "a view": lambda a: a[:],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_memory_layout_of_the_right_numbers_is_taken(form, dtype):
    plain = make_net(Own(), dtype=dtype)
    net = make_net(Own(FORMS[form], FORMS[form]), dtype=dtype)
    assert (net.predict_proba(X) == plain.predict_proba(X)).all()
    for ours, theirs in zip(
        net.loss_and_grads(X, Y)[1], plain.loss_and_grads(X, Y)[1], strict=True
    ):
        assert (ours == theirs).all()
    for one in (net, plain):
        one.fit(X, Y, epochs=2, lr=0.1, batch_size=4)
    assert (net.theta == plain.theta).all()


BAD = {
    "narrower": (lambda a: a[:, :1].copy(), ValueError, r"shape \(6, 1\)"),
    "wider": (lambda a: np.hstack([a, a]), ValueError, r"shape \(6, 8\)"),
    "fewer rows": (lambda a: a[:2].copy(), ValueError, r"shape \(2, 4\)"),
    "transposed": (lambda a: a.T, ValueError, r"shape \(4, 6\)"),
    "flat": (lambda a: a.reshape(-1), ValueError, r"shape \(24,\)"),
    "no rows": (lambda a: a[:0], ValueError, r"shape \(0, 4\)"),
    "a number": (lambda a: 1.0, ValueError, r"shape \(\)"),
    "None": (lambda a: None, TypeError, "None"),
    "complex": (lambda a: a + 1j, TypeError, "complex"),
    "objects": (lambda a: a.astype(object), TypeError, "object"),
    "text": (lambda a: a.astype(str), TypeError, "str|U"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_wrong_output_is_refused_with_the_layers_name(case, place):
    change, error, message = BAD[case]
    own = Own(change)
    layers = [fastnn.Affine(4, 4), fastnn.Tanh(), fastnn.Affine(4, 4)]
    layers.insert({"first": 0, "middle": 2, "last": 3}[place], own)
    net = fastnn.Sequential(layers, "softmax_ce", seed=1)
    rows = RNG.standard_normal((6, 4))
    for call in (
        lambda: net.predict_proba(rows),
        lambda: net.loss_and_grads(rows, Y),
        lambda: net.fit(rows, Y, epochs=1, lr=0.1, batch_size=6),
        lambda: own.forward(rows),
    ):
        with pytest.raises(error, match=rf"^Own\(\) returned an output.*{message}"):
            call()


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_gradient_is_refused_with_the_layers_name(case):
    change, error, message = BAD[case]
    own = Own(back=change)
    net = make_net(own)
    assert net.predict_proba(X).shape == (6, 2)
    for call in (
        lambda: net.loss_and_grads(X, Y),
        lambda: net.fit(X, Y, epochs=1, lr=0.1, batch_size=6),
        lambda: own.backward(own.forward(RNG.standard_normal((6, 4)))),
    ):
        with pytest.raises(error, match=rf"^Own\(\) returned a gradient.*{message}"):
            call()


def test_a_first_layer_of_ones_own_may_declare_the_number_of_inputs():
    class Squares(Layer):
        """The inputs and their squares."""

        n_in = 3

        def n_outputs(self, n_in):
            return 6

        def compute(self, x):
            return np.hstack([x, x * x])

        def compute_back(self, dout, x, out):
            return dout[:, :3] + 2 * x * dout[:, 3:]

    net = fastnn.Sequential([Squares(), fastnn.Affine(6, 1)], "bce")
    assert (net.n_in, net.n_out) == (3, 1)
    assert fastnn.check_gradients(net, X, Y)
    net.fit(X, Y, epochs=2, lr=0.1)
    with pytest.raises(ValueError, match="at least one layer with weights"):
        fastnn.Sequential([Squares()], "mse")


def test_an_error_says_what_was_returned_and_what_is_expected():
    net = make_net(Own(lambda a: a[:, :3]))
    expected = (
        "Own() returned an output of shape (6, 3), but (6, 4) is expected: n_rows and "
        "n_outputs declare 4 units in 6 rows"
    )
    with pytest.raises(ValueError, match=rf"^{re.escape(expected)}$"):
        net.predict(X)


def test_a_layer_may_return_its_input_or_one_buffer_that_it_resizes():
    class Passes(Layer):
        def compute(self, x):
            return x

        def compute_back(self, dout, x, out):
            return dout

    class Buffered(Layer):
        def __init__(self):
            self.buffer = np.zeros((1, 1))

        def compute(self, x):
            self.buffer.resize(x.shape, refcheck=False)
            self.buffer[...] = x
            return self.buffer

        def compute_back(self, dout, x, out):
            self.buffer.resize((1, 1), refcheck=False)
            return np.array(dout)

    plain, same = make_net(fastnn.Identity()), make_net(Passes(), Buffered())
    for net in (plain, same):
        net.fit(X, Y, epochs=3, lr=0.1, batch_size=4)
    assert (plain.theta == same.theta).all()


def test_a_layer_gets_arrays_that_it_cannot_change():
    class Writes(Layer):
        def compute(self, x):
            return x * 1.0

        def compute_back(self, dout, x, out):
            for array in (dout, x, out):
                with pytest.raises(ValueError, match="read-only"):
                    array[...] = 0.0
            return dout * 1.0

    make_net(Writes()).loss_and_grads(X, Y)


@pytest.mark.compiled  # plain Python warns of what it makes of NaN
def test_a_loss_that_is_not_finite_in_a_layer_is_a_divergence():
    net = make_net(Own(lambda a: a * np.nan))
    before = net.theta.copy()
    with pytest.raises(fastnn.DivergenceError):
        net.fit(X, Y, epochs=1, lr=0.1)
    assert (net.theta == before).all()


class ShortBias(fastnn.Affine):
    """An Affine whose bias is too short."""

    def shapes(self):
        return [(self.n_in, self.n_out), (1,)]


class Declares(fastnn.Affine):
    """An Affine that declares more outputs than it has."""

    def n_outputs(self, n_in):
        return 9


class DrawsTooMuch(fastnn.Affine):
    """An Affine that draws other shapes than it declares."""

    def draw(self, rng, default):
        return [np.zeros((3, 9)), np.zeros(9)]


def test_subclasses_that_contradict_themselves_are_refused():
    with pytest.raises(ValueError, match=r"ShortBias\(4, 4\) has parameters.*\(1,\)"):
        make_net(ShortBias(4, 4)).predict(X)
    lies = fastnn.Sequential([Declares(3, 4)], "softmax_ce")
    for call in (
        lambda: lies.predict(X),
        lambda: lies.fit(X, np.arange(6), epochs=1, lr=0.1),
    ):
        with pytest.raises(ValueError, match=r"shape \(6, 4\)|shape \(1, 4\)"):
            call()
    with pytest.raises(ValueError, match=r"DrawsTooMuch\(3, 4\) starts from.*\(3, 9\)"):
        fastnn.Sequential([DrawsTooMuch(3, 4)])
    with pytest.raises(ValueError, match=r"Rectifier.code is 17"):

        class Rectifier(fastnn.ReLU):
            code = 17


BUILT_IN = [
    fastnn.Affine(3, 2),
    fastnn.MatMul(3, 2),
    fastnn.Tanh(),
    fastnn.Softmax(),
    fastnn.Sum(),
    fastnn.Repeat(4),
]


@pytest.mark.parametrize("layer", BUILT_IN, ids=repr)
def test_built_in_layers_check_what_they_are_called_with(layer):
    x = RNG.standard_normal((1 if isinstance(layer, fastnn.Repeat) else 5, 3))
    out = layer.compute(x)
    dx = layer.compute_back(out, x, out)
    assert dx.shape == x.shape
    assert (layer.compute(np.asfortranarray(x)) == out).all()
    assert (layer.compute_back(np.asfortranarray(out), x, out) == dx).all()
    for wrong in (x[0], x[:0], None, x[..., np.newaxis]):
        with pytest.raises((ValueError, TypeError), match="got an input"):
            layer.compute(wrong)
    with pytest.raises(ValueError, match="got a gradient of shape"):
        layer.compute_back(out[:, :1], x, out)
    if out.shape != (1, 1):
        with pytest.raises(ValueError, match="got an output of shape"):
            layer.compute_back(out, x, out[:1, :1])
    if isinstance(layer, (fastnn.Affine, fastnn.MatMul)):
        for wrong in (x[:, :2], x.astype("float32")):
            with pytest.raises(ValueError, match="but its weights have shape"):
                layer.compute(wrong)


FIXED = {
    "n_in": 9,
    "n_out": 9,
    "init": [np.zeros((9, 9)), np.zeros(9)],
    "bind": lambda params, grads: None,
    "compute": lambda x: x,
    "params": [],
    "grads": [],
    "shapes": list,
    "owned": False,
    "mixes_rows": True,
}


@pytest.mark.parametrize("name", FIXED)
def test_what_a_layer_defines_cannot_be_changed(name):
    net = make_net()
    before = net.predict_proba(X)
    for layer in (net.layers[0], fastnn.Affine(2, 3)):
        with pytest.raises(AttributeError, match=rf"{name} of Affine\(.* cannot be"):
            setattr(layer, name, FIXED[name])
    for twin in (net, copy.copy(net), net.with_theta(net.theta), net.astype("float64")):
        assert (twin.predict_proba(X) == before).all()
    assert len(net.fit_many(X, Y, seeds=range(3), epochs=1, lr=0.1)) == 3


def test_codes_and_names_of_layers_and_losses_cannot_be_changed():
    net = make_net(fastnn.Identity())
    with pytest.raises(AttributeError, match="code of Tanh"):
        net.layers[1].code = 7
    for name in ("code", "name", "reduction"):
        with pytest.raises(AttributeError, match=name):
            setattr(net.loss, name, 1)
    with pytest.raises(AttributeError, match="n_out"):
        net.architecture.n_out = 5
    with pytest.raises(AttributeError, match=r"n of Repeat\(3\)"):
        fastnn.Repeat(3).n = 4


@pytest.mark.parametrize("loss", ["bce", "softmax_ce", "mse"])
def test_the_kernels_go_by_the_class_of_a_loss(loss):
    net = fastnn.mlp(3, 1 if loss == "bce" else 2, loss=loss)
    code = net.loss.code
    for kind in range(3):
        object.__setattr__(net.loss, "kind", kind)
        assert net.loss.code == code


def test_own_layers_may_set_attributes_of_their_own_without_calling_init():
    layer = Own()
    layer.anything = 3
    assert pickle.loads(pickle.dumps(make_net())).theta.size == 21
    assert copy.copy(layer).anything == 3
    assert not layer.owned


@pytest.mark.parametrize("stack", ["fused", "layer by layer"])
def test_what_becomes_of_a_view_does_not_reach_the_net(stack):
    net = make_net(*[fastnn.Identity()] * (stack != "fused"))
    assert ("layer by layer" in net.summary()) == (stack != "fused")
    expected, loss = net.predict_proba(X), net.loss_and_grads(X, Y)[0]
    layer = net.layers[0]
    for array in (net.theta, *net.params, *layer.params, *layer.grads):
        with pytest.raises(ValueError, match="resize"):
            array.resize(100, refcheck=False)
        array.setflags(write=False)
        array.shape = (-1, 1)
        array.dtype = np.uint8
    for twin in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert (twin.predict_proba(X) == expected).all()
        assert twin.loss_and_grads(X, Y)[0] == loss
    assert net.fit(X, Y, epochs=1, lr=0.1, batch_size="full").loss[0] == loss
    assert net.params[0].shape == (3, 4)


def test_bind_checks_its_arrays_and_leaves_nets_alone():
    layer = fastnn.Affine(2, 3)
    w, b = np.ones((2, 3)), np.zeros(3)
    layer.bind([w, b], [np.empty_like(w), np.empty_like(b)])
    assert layer.forward([[1.0, 1.0]]).tolist() == [[2, 2, 2]]
    layer.params[0] = w + 1
    assert w[0, 0] == 2.0
    for params, message in {
        "short": ([w, b[:2]], r"shape \(2,\), but \(3,\)"),
        "one": ([w], "1 parameters"),
        "read-only": ([w, np.broadcast_to(b, 3)], "read-only"),
        "strided": ([np.ones((3, 2)).T, b], "not contiguous"),
        "float32": ([w, b.astype("float32")], "float32, but float64"),
        "a list": ([w, [0.0, 0.0, 0.0]], "of type list"),
        "integers": ([w.astype(int), b], "float64 or float32"),
    }.values():
        with pytest.raises((ValueError, TypeError), match=message):
            layer.bind(params, [np.empty_like(w), np.empty_like(b)])
    net = fastnn.Sequential([layer])
    with pytest.raises(ValueError, match="is part of a net"):
        net.layers[0].bind([w, b], [w, b])


def test_params_of_a_net_and_of_a_layer_can_be_assigned():
    net = fastnn.mlp(2, 3, 1)
    net.params[0] = np.arange(6.0).reshape(2, 3)
    net.params[1] = [1, 2, 3]
    net.params[-1] += 5.0
    assert net.theta[:9].tolist() == [0, 1, 2, 3, 4, 5, 1, 2, 3]
    assert net.theta[-1] == 5.0
    net.layers[0].params[1] = [7, 8, 9]
    assert net.params[1].tolist() == [7, 8, 9]
    before = net.theta.copy()
    for values, message in (
        (np.zeros((3, 2)), r"shape \(2, 3\), but the values have shape \(3, 2\)"),
        (np.full((2, 3), np.nan), "nan in row 0"),
        ("W", "real numbers"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            net.params[0] = values
    with pytest.raises(AttributeError):
        net.params = [np.zeros((2, 3))]
    with pytest.raises(AttributeError):
        net.params.append(np.zeros(3))
    assert (net.theta == before).all()


class Faulty(fastnn.SGD):
    """An SGD that returns what the test sets."""

    answers: dict = {}  # noqa: RUF012

    def settings(self):
        return self.answers.get("settings", super().settings())

    def settings_per_net(self, n_nets):
        return self.answers.get("settings", super().settings_per_net(n_nets))

    def learning_rates(self, params):
        return self.answers.get("rates", super().learning_rates(params))

    @property
    def code(self):
        return self.answers.get("code", 0)


FAULTS = {
    "short settings": ({"settings": np.zeros(3)}, "returned settings of shape"),
    "no settings": ({"settings": None}, "returned settings that is None"),
    "long rates": ({"rates": np.zeros(99)}, r"learning_rates of shape \(99,\)"),
    "one rate": ({"rates": np.zeros(1)}, r"learning_rates of shape \(1,\)"),
    "NaN": ({"rates": np.full(13, np.nan)}, "learning_rates that are not finite"),
    "code -1": ({"code": -1}, "has the code -1"),
    "code 99": ({"code": 99}, "has the code 99"),
    "code True": ({"code": True}, "has the code True"),
    "code None": ({"code": None}, "has the code None"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_a_subclass_of_an_optimizer_returns_is_checked(case, monkeypatch):
    answers, message = FAULTS[case]
    optimizer = Faulty(0.1)
    monkeypatch.setattr(Faulty, "answers", answers)
    net = fastnn.mlp(2, 3, 1)
    layers = [fastnn.Identity(), fastnn.Affine(2, 3), fastnn.Affine(3, 1)]
    layerwise = fastnn.Sequential(layers)
    before = net.theta.copy()
    many = {"seeds": range(3), "epochs": 1, "optimizer": optimizer}
    calls = [
        lambda: net.fit(GATE, LABELS, epochs=1, optimizer=optimizer),
        lambda: layerwise.fit(GATE, LABELS, epochs=1, optimizer=optimizer),
        lambda: layerwise.fit_many(GATE, LABELS, **many),
        lambda: optimizer.update([np.zeros(13)], [np.ones(13)]),
    ]
    if "rates" not in answers:  # which side by side are no arrays of each net
        calls.append(lambda: net.fit_many(GATE, LABELS, **many))
    for call in calls:
        with pytest.raises(
            (ValueError, TypeError), match=rf"^Faulty\(lr=0.1\).*{message}"
        ):
            call()
    assert (net.theta == before).all()


def test_a_pass_of_another_thread_is_not_this_ones():
    layer = fastnn.Tanh()
    layer.forward(X)
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(RuntimeError, match="another thread called forward last"):
            pool.submit(layer.backward, X).result()
        pool.submit(layer.forward, X[:2]).result()
    with pytest.raises(RuntimeError, match=r"Tanh\(\): another thread.*copy.deepcopy"):
        layer.backward(X)
    twin = copy.deepcopy(layer)
    twin.forward(X)
    assert twin.backward(X).shape == X.shape


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_the_gradients_of_a_copied_layer_are_those_of_its_backward_pass(duplicate):
    layer = fastnn.Affine(3, 2, seed=4)
    layer.backward(np.ones_like(layer.forward(X)))
    expected = [grad.copy() for grad in layer.grads]
    twin = duplicate(layer)
    with pytest.raises(RuntimeError, match="forward before backward"):
        twin.backward(np.ones((6, 2)))
    grads = twin.grads
    for grad in grads:
        grad[...] = 0.0
    twin.backward(np.ones_like(twin.forward(X)))
    for ours, same, theirs in zip(grads, twin.grads, expected, strict=True):
        assert ours is same
        assert (ours == theirs).all()
    assert (twin.params[0] == layer.params[0]).all()


def test_threads_cannot_run_a_layers_backward_pass_at_once():
    inside, go_on = threading.Event(), threading.Event()

    class Waits(Layer):
        def compute(self, x):
            return x * 1.0

        def compute_back(self, dout, x, out):
            inside.set()
            assert go_on.wait(60)
            return dout * 1.0

    layer = Waits()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: layer.backward(layer.forward(X)))
        assert inside.wait(60)
        layer.forward(X)
        with pytest.raises(RuntimeError, match="another thread is in its backward"):
            layer.backward(X)
        go_on.set()
        assert other.result().shape == X.shape
    assert layer.backward(layer.forward(X)).shape == X.shape


def test_an_optimizer_has_moments_for_one_loop_of_training():
    optimizer = fastnn.SGD(0.1, momentum=0.9)
    optimizer.update([np.ones(4)], [np.ones(4)])
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(RuntimeError, match=r"array of 4 numbers.*array of 9"):
            pool.submit(optimizer.update, [np.ones(9)], [np.ones(9)]).result()
        # One loop may go from thread to thread.
        pool.submit(optimizer.update, [np.ones(4)], [np.ones(4)]).result()
    optimizer.update([np.ones(4)], [np.ones(4)])


def test_gradients_of_one_net_in_many_threads_are_each_ones_own():
    """Also those of a layer that keeps something from `compute` for `compute_back`."""

    class Remembers(Layer):
        def compute(self, x):
            self.remembered = x
            return np.sin(x)

        def compute_back(self, dout, x, out):
            return dout * np.cos(self.remembered)

    net = make_net(Remembers())
    sizes = RNG.integers(1, 60, 24)
    data = [(RNG.standard_normal((n, 3)), RNG.integers(0, 2, n)) for n in sizes]

    def gradient(one):
        loss, grads = net.loss_and_grads(*one)
        net.predict(one[0])
        return loss, np.concatenate([grad.ravel() for grad in grads]).tobytes()

    expected = [gradient(one) for one in data]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(10):
            assert list(pool.map(gradient, data)) == expected


def test_a_layer_that_needs_another_one_takes_its_gradient_along():
    class Tied(Layer):
        """The transposed weights of another layer."""

        def __init__(self, other):
            self.other = other

        def n_outputs(self, n_in):
            return self.other.n_in

        def compute(self, x):
            return x @ self.other.params[0].T

        def compute_back(self, dout, x, out):
            self.tied = dout.T @ x
            return dout @ self.other.params[0]

    class First(fastnn.MatMul):
        def compute_back(self, dout, x, out):
            dx = super().compute_back(dout, x, out)
            self.grads[0][...] += self.partner.tied
            return dx

    first = First(3, 2)
    first.partner = tied = Tied(first)
    net = fastnn.Sequential([first, fastnn.Tanh(), tied], "mse", seed=2)
    assert fastnn.check_gradients(net, X, X)
    loss = net.loss_and_grads(X, X)
    with ThreadPoolExecutor(4) as pool:
        for value, (grad,) in pool.map(lambda _: net.loss_and_grads(X, X), range(40)):
            assert value == loss[0]
            assert (grad == loss[1][0]).all()


def test_readable_takes_a_snapshot_of_the_shape():
    array = np.zeros((4, 2))
    view = readable("it", "got an input", array, (None, 2), array.dtype)
    array.shape = (8,)
    assert view.shape == (4, 2)
    assert not view.flags.writeable
    assert array.flags.writeable
    assert np.shares_memory(view, array)
    assert writable("it", "has a parameter", array, (8,), array.dtype) is not array
