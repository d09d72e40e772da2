"""xor-gate: the page's code again, what the experiment says, and PyTorch itself."""

import numpy as np
import pytest
from drawn import look_at_all

import fastnn
from fastnn.experiments import xor_gate
from fastnn.experiments.outcome import Options


def page(seed, steps=2000):
    """The page's code, with its columns and its float32 data; predictions and mean losses before and after."""
    np.random.seed(seed)
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    target = np.array([[0.0, 1.0, 1.0, 0.0]], np.float32)
    W1, B1 = np.random.randn(2, 2), np.random.randn(2, 1)
    W2, B2 = np.random.randn(1, 2), np.random.randn(1, 1)

    def forward():
        S1 = 1 / (1 + np.exp(-(np.dot(W1, X.T) + B1)))
        S2 = 1 / (1 + np.exp(-(np.dot(W2, S1) + B2)))
        return S1, S2, np.mean(-target * np.log(S2) - (1 - target) * np.log(1 - S2))

    shown = []
    for step in range(steps + 1):
        S1, S2, loss = forward()
        if step in (0, steps):
            shown.append((S2[0], loss))
        dG2 = (-(target / S2) + (1 - target) / (1 - S2)) * (S2 * (1 - S2))
        dG1 = np.dot(W2.T, dG2) * (S1 * (1 - S1))
        W1, B1 = W1 - 0.1 * np.dot(dG1, X), B1 - 0.1 * dG1.sum(axis=1, keepdims=True)
        W2, B2 = W2 - 0.1 * np.dot(dG2, S1.T), B2 - 0.1 * dG2.sum().reshape(1, 1)
    return shown


@pytest.fixture(scope="module")
def outcome():
    return xor_gate.EXPERIMENT.run(Options(quick=True), lambda text: None)


@pytest.mark.parametrize("seed", xor_gate.SEEDS)
@pytest.mark.compiled
def test_both_seeds_equal_the_published_code(seed):
    trained = xor_gate.train(seed)
    for (predictions, loss), ours, summed in zip(page(seed), trained.predictions, trained.loss, strict=True):
        assert np.abs(ours - predictions).max() < 1e-12
        assert summed == pytest.approx(4 * loss, abs=1e-12)
    assert all(finding.verdict == "equal" for finding in trained.findings())


def test_the_weights_in_the_comments_are_another_seeds():
    np.random.seed(220117)
    assert np.abs(np.random.randn(9) - xor_gate.PAGE_WEIGHTS).max() < 5e-9
    np.random.seed(220132)
    assert np.abs(np.random.randn(9) - xor_gate.PAGE_WEIGHTS).max() > 1.0


def test_the_page_shows_the_same_four_numbers_in_another_order():
    for predictions, _, rows in xor_gate.PAGE_AFTER.values():
        assert sorted(rows) == [0, 1, 2, 3]
        in_order = np.empty(4)
        in_order[list(rows)] = predictions
        assert (in_order > 0.5).tolist() == [False, True, True, False]


def test_steps_to():
    losses = np.array([[0.7, 0.7, 0.5, 0.7], [0.7, 0.7, 0.7, 0.7], [0.1, 0.7, 0.7, 0.7]])
    assert xor_gate.steps_to(losses, 0.6).tolist() == [200.0, np.inf, 0.0]
    assert xor_gate.steps_to(np.array([xor_gate.PAGE_TORCH]), 0.6).tolist() == [1200.0]


@pytest.mark.compiled
def test_pytorch_itself_gives_the_same_losses():
    pytest.importorskip("torch")
    for seed in (0, 1):
        theta = xor_gate.torch_theta(seed)
        net = fastnn.mlp(2, 2, 1, loss="bce").with_theta(theta)
        history = net.fit(*fastnn.datasets.xor_gate(), epochs=2001, lr=1.0, batch_size="full")
        assert np.abs(history.loss - xor_gate.torch_losses(theta)).max() < 1e-12


@pytest.mark.compiled
def test_what_is_found(outcome):
    assert outcome.ok
    assert [run.nets for run in outcome.runs] == [1, 1, 100]
    assert all(len(values) <= 200 for run in outcome.runs for values in run.trace.values())
    verdicts = {finding.what: finding.verdict for finding in outcome.findings}
    assert "wrong order" in verdicts["does seed 220118 fail?"]


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
