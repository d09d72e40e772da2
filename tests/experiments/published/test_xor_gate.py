"""The xor-gate experiment, compared with the page's code and with PyTorch."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import look_at_all

import fastnn
from fastnn.experiments.outcome import Options
from fastnn.experiments.published import gate, xor_gate


def published_code(seed, steps=2000):
    """Return (predictions, mean loss) of the page's code before and after training."""
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
    return xor_gate.EXPERIMENT.run(Options(quick=True), lambda message: None)


@pytest.mark.parametrize("seed", xor_gate.SEEDS)
@pytest.mark.compiled
def test_both_seeds_equal_the_published_code(seed):
    X, y = fastnn.datasets.xor_gate()
    nets = xor_gate.train(seed).nets
    for (predictions, loss), net in zip(
        published_code(seed), (nets[0], nets[-1]), strict=True
    ):
        assert np.abs(net.predict_proba(X)[:, 1] - predictions).max() < 1e-12
        assert net.loss_and_grads(X, y)[0] == pytest.approx(loss, abs=1e-12)


def test_the_weights_in_the_comments_are_of_another_seed():
    np.random.seed(220117)
    assert np.abs(np.random.randn(9) - xor_gate.PAGE_WEIGHTS).max() < 5e-9
    np.random.seed(220132)
    assert np.abs(np.random.randn(9) - xor_gate.PAGE_WEIGHTS).max() > 1.0


def test_the_page_shows_the_same_four_numbers_in_another_order():
    for _, (predictions, _, rows) in xor_gate.PAGE_SHOWN.values():
        assert sorted(rows) == [0, 1, 2, 3]
        in_order = np.empty(4)
        in_order[list(rows)] = predictions
        assert (in_order > 0.5).tolist() == [False, True, True, False]


def gate_runs(losses):
    """Return Runs whose losses (n_nets, m) were recorded every 100 steps."""
    losses = np.array(losses)
    n_nets, m = losses.shape
    runs = fastnn.mlp(2, 2, 1).fit_many(
        *fastnn.datasets.xor_gate(),
        seeds=range(n_nets),
        epochs=100 * (m - 1) + 1,
        lr=0.0,
        batch_size="full",
        every=100,
    )
    curves = replace(runs.losses, each=losses)
    return replace(runs, losses=curves, final_loss=losses[:, -1])


def test_steps_to():
    runs = gate_runs([[0.7, 0.7, 0.5, 0.7], [0.7, 0.7, 0.7, 0.7], [0.1, 0.7, 0.7, 0.7]])
    assert gate.steps_to(runs, 0.6).tolist() == [200.0, np.inf, 0.0]
    assert xor_gate.PAGE_PLATEAU_END == 1200.0


def test_the_share_that_learns_comes_with_the_losses_of_the_others():
    runs = gate_runs([[0.7, 0.01], [0.7, 0.7], [0.7, 0.3466], [0.7, 0.2]])
    finding = gate.learned_finding("learned?", runs)
    assert finding.found == "by 25.0%"
    assert finding.verdict.startswith(
        "25.0% end above 0.6, 50.0% from 0.1 to 0.6; 50% of these near 0.3466"
    )
    one = gate.learned_finding("learned?", gate_runs([[0.7, 0.01]]))
    assert one.verdict.endswith(", 0.0% from 0.1 to 0.6")


@pytest.mark.compiled
def test_pytorch_itself_gives_the_same_losses():
    pytest.importorskip("torch")
    for seed in (0, 1):
        theta = xor_gate.torch_theta(seed)
        net = fastnn.mlp(2, 2, 1, loss="bce").with_theta(theta)
        history = net.fit(
            *fastnn.datasets.xor_gate(), epochs=2001, lr=1.0, batch_size="full"
        )
        assert np.abs(history.loss - xor_gate.torch_losses(theta)).max() < 1e-12


@pytest.mark.compiled
def test_no_finding_fails(outcome):
    assert outcome.ok
    assert [run.nets for run in outcome.runs] == [1, 1, 100]
    assert len(outcome.runs[2].trace["last_loss_of_each_seed"]) == 100
    verdicts = {finding.what: finding.verdict for finding in outcome.findings}
    assert "wrong order" in verdicts["outputs of seed 220118: does it fail?"]


@pytest.mark.parametrize("seed", [1, 5, 41, 2**32 - 1])
@pytest.mark.compiled
def test_the_conclusion_holds_from_other_seeds(seed):
    outcome = xor_gate.EXPERIMENT.run(Options(seed=seed), lambda message: None)
    assert [finding.what for finding in outcome.findings if not finding.ok] == []
    learned = np.mean(np.array(outcome.runs[2].trace["last_loss_of_each_seed"]) < 0.1)
    begun = np.array(outcome.runs[2].trace["first_step_below_0.6_of_each_seed"])
    assert f"{learned:.0%} of 1,000 nets" in outcome.conclusion[1]
    assert f"only after {np.median(begun):.0f} steps" in outcome.conclusion[1]
    assert 300 < np.median(begun) < 1200
    assert f"longer than {np.mean(begun < 1200):.0%}" in outcome.conclusion[1]


@pytest.mark.compiled
def test_pictures_and_film(outcome):
    look_at_all(outcome)
