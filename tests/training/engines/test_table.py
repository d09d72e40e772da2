"""Layer tables: which stacks have one, and what is in it."""

import pytest

import fastnn
from fastnn import Affine, ReLU, Softmax, Tanh
from fastnn.kernels import codes
from fastnn.training.engines.table import layer_table, n_units


def test_each_affine_layer_has_a_row_with_its_activation_and_offsets():
    table = layer_table([Affine(2, 3), Tanh(), Affine(3, 4), Affine(4, 1)])
    columns = [codes.N_IN, codes.N_OUT, codes.ACTIVATION]
    assert table[:, columns].tolist() == [
        [2, 3, codes.TANH],
        [3, 4, codes.IDENTITY],
        [4, 1, codes.IDENTITY],
    ]
    # W1 (2, 3) and b1 (3,) come before W2 (3, 4) and b2 (4,).
    assert table[:, codes.WEIGHTS].tolist() == [0, 9, 25]
    # A layer's output is the next one's input.
    assert table[:, codes.INPUT].tolist() == [0, 2, 5]
    assert table[:, codes.OUTPUT].tolist() == [2, 5, 9]
    assert n_units(table) == 2 + 3 + 4 + 1


class OwnAffine(Affine):
    """Affine layer with its own forward pass."""

    def compute(self, x):
        return super().compute(x)


class NamedAffine(Affine):
    """Affine layer that computes what its base class does."""


@pytest.mark.parametrize(
    "stack",
    [
        [Affine(2, 3), Tanh(), Tanh(), Affine(3, 1)],
        [Tanh(), Affine(2, 1)],
        [Affine(2, 3), Tanh()],
        [Affine(2, 3), Softmax(), Affine(3, 1)],
        [fastnn.MatMul(2, 3), ReLU(), Affine(3, 1)],
        [OwnAffine(2, 1)],
        [],
    ],
    ids=str,
)
def test_other_stacks_have_no_table(stack):
    assert layer_table(stack) is None


def test_a_subclass_that_overrides_nothing_has_a_table():
    assert (
        layer_table([NamedAffine(2, 1)]).tolist()
        == layer_table([Affine(2, 1)]).tolist()
    )
