"""How often does XOR work? Train 10,000 nets of each kind, and count.

This prints every number of docs/how-often-does-xor-work.md, and draws its pictures, in
two minutes on two cores. An argument gives another number of nets of each kind.
"""

import sys
from itertools import product

import matplotlib.pyplot as plt
import numpy as np

import fastnn

N = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SOLVED = 0.1  # below ln(2) / 4 = 0.173 no row can be wrong
LN2 = np.log(2.0)
PLATEAUS = {"0.347": LN2 / 2, "0.477": (3 * np.log(3.0) - 2 * LN2) / 4, "0.693": LN2}
X, y = fastnn.datasets.xor_gate()
# The loss of an epoch is that before its update: after 10,000 updates, of epoch 10,001.
HOW = {"batch_size": "full", "every": 100, "epochs": 10_001}
NET = fastnn.mlp(2, 2, 1)


def percent(share):
    """Return a share in percent, with < or > if rounding hides a few nets."""
    hidden = f"{share:.1%}" in ("0.0%", "100.0%") and 0.0 < share < 1.0
    return (">99.9%" if share > 0.5 else "<0.1%") if hidden else f"{share:.1%}"


def report(runs):
    """Return how many nets learn the gate, and how the others end, as text."""
    rate = runs.success_rate(SOLVED)
    losses = runs.final_loss[~runs.solved(SOLVED)]
    ends = {f"near {name}": abs(losses - at) < 0.01 for name, at in PLATEAUS.items()}
    ends["above 0.71"] = losses > 0.71
    parts = [f"{percent(e.mean())} {name}" for name, e in ends.items() if len(losses)]
    parts = f"of {len(losses):,} others {', '.join(parts) or 'none'}"
    return (
        f"{percent(rate)} ({percent(rate.low)} to {percent(rate.high)}) learn; {parts}"
    )


# Nets by hidden neurons, activation, initial weights and learning rate.
figure, axes = plt.subplots(2, 3, figsize=(12, 7), sharey=True, layout="constrained")
for ax, kind in zip(axes.flat, product(("sigmoid", "tanh"), (2, 3, 4)), strict=True):
    activation, hidden = kind
    schemes = "xavier", "he", "normal(1.0)", "uniform(-1, 1)", "normal(0.1)"
    net = {s: fastnn.mlp(2, hidden, 1, activation=activation, init=s) for s in schemes}
    options = HOW | {"lr": [0.1, 0.3, 1.0, 3.0, 10.0], "stop_below": SOLVED}
    sweep = fastnn.sweep(net, X, y, seeds=range(N), **options)
    fastnn.plot.sweep(sweep, loss_below=SOLVED, ax=ax)
    ax.set_xlabel(f"learning rate of 2-{hidden}-1, {activation}")
    for scheme, setting, runs in sweep.groups():
        share, course = runs.success_rate(SOLVED), runs.share_solved(SOLVED)
        then = course[np.minimum((5, 10, 20, 50), len(course) - 1)]
        print(f"2-{hidden}-1 {activation}, {scheme}, {setting}: {report(runs)}")
        print("  in 500, 1,000, 2,000, 5,000 updates:", *map(percent, then))
        print("  with 4 or 6 seeds:", *(percent(1 - (1 - share) ** n) for n in (4, 6)))
figure.savefig("how_often_does_xor_work.png", dpi=100)
# The default scheme and a learning rate of 1, and how the nets that fail answer.
runs = NET.fit_many(X, y, seeds=range(N), lr=1.0, **HOW | {"epochs": 3001, "every": 10})
print("2-2-1 sigmoid, xavier, lr 1, 3,000 updates:", report(runs))
for name in ("0.347", "0.477"):
    net = runs[int(abs(runs.final_loss - PLATEAUS[name]).argmin())]
    print(f"near {name}, {X.tolist()} get", net.predict_proba(X)[:, 1].round(2))
figure = plt.figure(figsize=(11, 8), layout="constrained")
fastnn.plot.success(runs, X, y, loss_below=SOLVED, figure=figure)
figure.savefig("how_often_does_xor_work_fails.png", dpi=80)
# A page's two seeds, and others: N(0, 1), summed gradients; a row is a neuron there.
seeds = [220132, 220118, *range(N)]
drawn = np.stack([np.random.RandomState(s).randn(9) for s in seeds])
drawn[:, [1, 2]] = drawn[:, [2, 1]]
for updates in (2000, 10_000):
    options = HOW | {"epochs": updates + 1, "reduction": "sum"}
    runs = NET.fit_many(X, y, init=drawn, lr=0.1, **options)
    needed, losses = runs.epochs_to(SOLVED).each - 1, runs.final_loss
    print(f"the page of seeds, {updates:,} updates:", report(runs[2:]))
    for net, seed in enumerate(seeds[:2]):
        lower, faster = losses[2:] < losses[net], needed[2:] < needed[net]
        print(f"  seed {seed}: loss {losses[net]:.4f}, {lower.mean():.1%} are lower;")
        print(f"  {needed[net]:,.0f} updates, {faster.mean():.1%} are faster")

# Nets that start like PyTorch's: one page shows one that stays long on a plateau.
rngs = [np.random.default_rng(s) for s in range(N)]
drawn = np.stack([g.uniform(-1 / np.sqrt(2), 1 / np.sqrt(2), 9) for g in rngs])
for updates in (2000, 10_000):
    options = HOW | {"epochs": updates + 1, "every": 20}
    runs = NET.fit_many(X, y, init=drawn, lr=1.0, **options)
    print(f"the page in PyTorch, {updates:,} updates:", report(runs))
    lower, begun = runs.final_loss < 0.0164, runs.epochs_to(0.6).each - 1
    soon = np.mean(begun <= 1100)
    print(f"  {lower.mean():.1%} end below 0.0164; {soon:.1%} are soon below 0.6")
    flat = 20 * (abs(runs.loss - LN2) < 0.01).sum(axis=1)
    for each in (flat, begun):  # updates near ln 2, and to 0.6
        print(" ", np.quantile(each, (0.05, 0.5, 0.95), method="inverted_cdf"))

# U(0, 0.1) instead of zeros: a page sums gradients for weights, and averages biases'.
drawn = np.stack([0.1 * np.random.RandomState(s).random_sample(9) for s in range(N)])
page = HOW | {"optimizer": fastnn.SGD(0.1, bias_lr=0.025), "stop_below": SOLVED}
works = ("sigmoid", 100_000), ("sigmoid", 300_000), ("tanh", 5_000), ("tanh", 20_000)
for activation, updates in works:
    options = page | {"epochs": updates + 1, "every": updates // 100}
    net = fastnn.mlp(2, 2, 1, activation=activation)
    runs = net.fit_many(X[:, ::-1], y, init=drawn, reduction="sum", **options)
    print(f"the page of zeros, random {activation}, {updates:,} updates:", report(runs))
    print(f"  half are below {SOLVED} within {runs.epochs_to(SOLVED).median - 1:,.0f}")
