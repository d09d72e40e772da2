"""How often does XOR work? Train 10,000 nets of each kind, and count.

This prints every number of docs/how-often-does-xor-work.md, and draws its pictures, in
two minutes on two cores. An argument gives another number of nets of each kind.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import fastnn

N = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
# The loss of an epoch is that before its update: after 10,000 updates, of epoch 10,001.
UPDATES, EVERY = 10_000, 100
SOLVED = 0.1  # below ln(2) / 4 = 0.173 no row can be wrong
HIDDEN, ACTIVATIONS = (2, 3, 4), ("sigmoid", "tanh")
SCHEMES = ("xavier", "he", "normal(1.0)", "uniform(-1, 1)", "normal(0.1)")
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
LN2 = np.log(2.0)
PLATEAUS = {"0.347": LN2 / 2, "0.477": (3 * np.log(3.0) - 2 * LN2) / 4, "0.693": LN2}
X, y = fastnn.datasets.xor_gate()


def main():
    """Print and draw everything of the page, in its order."""
    shares, courses = train_all_kinds()
    draw_shares(shares)
    print_shares(shares)
    print_courses(courses)
    train_default_kind()
    train_published_seeds()
    train_as_in_pytorch()
    train_published_random_starts()


def train(net, X=X, **options):
    """Train many nets on all four rows at once."""
    return net.fit_many(X, y, **{"batch_size": "full", "every": EVERY, **options})


def train_all_kinds():
    """Train nets by hidden neurons, activation, scheme and learning rate.

    Returns their success rates, and for xavier the share solved over the updates.
    """
    shares, courses, lr = {}, {}, np.repeat(RATES, N)
    for hidden in HIDDEN:
        for activation in ACTIVATIONS:
            for scheme in SCHEMES:
                net = fastnn.mlp(
                    2, hidden, 1, activation=activation, loss="bce", init=scheme
                )
                runs = train(
                    net,
                    seeds=[*range(N)] * len(RATES),
                    lr=lr,
                    epochs=UPDATES + 1,
                    stop_below=SOLVED,
                )
                for rate in RATES:
                    nets = runs[lr == rate]
                    kind = hidden, activation, scheme, rate
                    shares[kind] = nets.success_rate(loss_below=SOLVED)
                    if scheme == "xavier":
                        course = nets.share_solved(loss_below=SOLVED)
                        courses[hidden, activation, rate] = course
                    if hidden == 2 and scheme in ("xavier", "normal(0.1)"):
                        name = f"2-2-1 {activation}, {scheme}, lr {rate:g}"
                        print(f"{name}: {failures(nets)}")
    return shares, courses


def failures(runs):
    """Return with which losses the nets end that do not learn the gate, as text."""
    losses = runs.final_loss[~runs.solved(loss_below=SOLVED)]
    if not len(losses):
        return "none fails"
    near = [
        f"{percent(np.mean(abs(losses - plateau) < 0.01))} near {name}"
        for name, plateau in PLATEAUS.items()
    ]
    above = f"{percent(np.mean(losses > 0.71))} above 0.71"
    return f"{len(losses):,} of {len(runs):,} fail: {', '.join([*near, above])}"


def draw_shares(shares):
    """Draw the share of nets that learn the gate against the learning rate.

    Each kind of net has a panel, and each scheme a line.
    """
    figure, axes = plt.subplots(
        2,
        3,
        figsize=(12, 7),
        sharey=True,
        layout="constrained",
        width_ratios=(1.35, 1, 1),
    )
    for row, activation in zip(axes, ACTIVATIONS, strict=True):
        for ax, hidden in zip(row, HIDDEN, strict=True):
            for scheme, color in zip(SCHEMES, fastnn.plot.COLORS, strict=False):
                line = [shares[hidden, activation, scheme, rate] for rate in RATES]
                # Dashed, and above normal(1.0), from which it hardly differs.
                dashed = scheme == "he"
                ax.plot(
                    RATES,
                    line,
                    "--" if dashed else "-",
                    color=color,
                    marker="o",
                    markersize=4,
                    zorder=3 if dashed else 2,
                )
                low = [share.low for share in line]
                high = [share.high for share in line]
                ax.vlines(RATES, low, high, color=color)
            ax.set(
                title=f"2-{hidden}-1, {activation}",
                xscale="log",
                ylim=(-0.03, 1.03),
                xticks=RATES,
            )
            ax.xaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_major_formatter("{x:.0%}")
            ax.minorticks_off()
            ax.grid(alpha=0.3)
            ax.spines[["top", "right"]].set_visible(False)
    ends = [shares[2, "sigmoid", scheme, RATES[-1]] for scheme in SCHEMES]
    label_lines(axes[0, 0], ends)
    axes[1, 0].set_xlim(axes[0, 0].get_xlim())
    for ax in axes[1]:
        ax.set_xlabel("learning rate")
    figure.suptitle(
        f"Share of {N:,} nets with a loss below {SOLVED} within {UPDATES:,} updates, "
        "by initial weights"
    )
    figure.savefig("how_often_does_xor_work.png", dpi=100)


def label_lines(ax, ends):
    """Write each scheme to the right of its line's end, without overlap."""
    height, at = 0.065, -1.0
    for number in np.argsort(ends, kind="stable"):
        at = max(float(ends[number]), at + height)
        ax.text(
            RATES[-1] * 1.2,
            at,
            SCHEMES[number],
            color=fastnn.plot.COLORS[number],
            va="center",
            fontweight="bold",
        )
    ax.set_xlim(right=RATES[-1] * 7)


def percent(share):
    """Return a share in percent, with < or > if rounding hides a few nets."""
    text = f"{share:.1%}"
    if (text == "100.0%" and share < 1.0) or (text == "0.0%" and share > 0.0):
        return ">99.9%" if share > 0.5 else "<0.1%"
    return text


def interval(share):
    """Return a share with its 95 % interval, as text."""
    return f"{percent(share)} ({percent(share.low)} to {percent(share.high)})"


def print_table(head, rows):
    """Print a table in Markdown."""
    print()
    for row in (head, ["---"] * len(head), *rows):
        print("|", " | ".join(row), "|")
    print()


def print_shares(shares):
    """Print a table for each learning rate, and the benefit of trying more seeds."""
    kinds = [(hidden, activation) for hidden in HIDDEN for activation in ACTIVATIONS]
    names = [f"2-{hidden}-1 {activation}" for hidden, activation in kinds]
    widest = max((share.high - share.low) / 2 for share in shares.values())
    print(f"\n95 % intervals are at most {widest:.2%} wide to each side")
    for rate in RATES:
        rows = [
            [scheme, *(percent(shares[*kind, scheme, rate]) for kind in kinds)]
            for scheme in SCHEMES
        ]
        print_table([f"lr {rate:g}", *names], rows)
    for activation in ACTIVATIONS:
        share = shares[2, activation, "xavier", 1.0]
        tries = ", ".join(percent(1 - (1 - share) ** n) for n in range(1, 7))
        print(
            f"2-2-1 {activation}, xavier, lr 1: {interval(share)}; with 1, 2, ... 6 "
            f"seeds: {tries}"
        )


def print_courses(courses):
    """Print how the share grows with the updates."""
    updates = (500, 1000, 2000, 5000, 10_000)
    for hidden in HIDDEN:
        for activation in ACTIVATIONS:
            rows = []
            for rate in RATES:
                course = courses[hidden, activation, rate]
                rows.append(
                    [f"{rate:g}", *(percent(course[n // EVERY]) for n in updates)]
                )
            name = f"2-{hidden}-1 {activation}, xavier, lr"
            print_table([name, *(f"{n:,}" for n in updates)], rows)


def train_default_kind():
    """Train with the default scheme and a learning rate of 1, and draw the success."""
    runs = train(
        fastnn.mlp(2, 2, 1, loss="bce"), seeds=range(N), lr=1.0, epochs=3001, every=10
    )
    print(f"2-2-1 sigmoid, xavier, lr 1, 3,000 updates: {report(runs)}")
    for name, plateau in list(PLATEAUS.items())[:2]:
        net = int(abs(runs.final_loss - plateau).argmin())
        p = runs[net].predict_proba(X)[:, 1].round(2)
        print(f"near {name}: seed {net} predicts {p} for {X.tolist()}")
    figure = plt.figure(figsize=(11, 8), layout="constrained")
    fastnn.plot.success(runs, X, y, loss_below=SOLVED, figure=figure)
    figure.savefig("how_often_does_xor_work_fails.png", dpi=80)


def train_published_seeds():
    """Train a page's two seeds, and the seeds from 0 on in the same way.

    All parameters are from N(0, 1), gradients are summed, and the learning rate is 0.1.
    """
    seeds = [220132, 220118, *range(N)]
    drawn = np.stack([np.random.RandomState(seed).randn(9) for seed in seeds])
    # In the page, a row of the first weights is a neuron.
    drawn[:, [1, 2]] = drawn[:, [2, 1]]
    for updates in (2000, UPDATES):
        runs = train(
            fastnn.mlp(2, 2, 1, loss="bce"),
            init=drawn,
            lr=0.1,
            reduction="sum",
            epochs=updates + 1,
        )
        published, others = runs[:2], runs[2:]
        print(f"\nthe page of seeds, {updates:,} updates: {report(others)}")
        for seed, loss, needed in zip(
            seeds, published.final_loss, updates_to(published), strict=False
        ):
            lower = np.mean(others.final_loss < loss)
            faster = np.mean(updates_to(others) < needed)
            print(
                f"seed {seed}: loss {loss:.4f}, {lower:.1%} are lower; "
                f"{needed:,.0f} updates, {faster:.1%} are faster"
            )


def updates_to(runs, loss_below=SOLVED):
    """Return after how many updates each net's loss is below a bound, or infinity."""
    return runs.epochs_to(loss_below).each - 1


def train_as_in_pytorch():
    """Train nets that start like PyTorch's Linear(2, 2) and Linear(2, 1).

    One page shows such a net of unknown seed, which stays long on a plateau.
    """
    limit = 1 / np.sqrt(2)
    drawn = np.stack(
        [np.random.default_rng(seed).uniform(-limit, limit, 9) for seed in range(N)]
    )
    print()
    for updates in (2000, UPDATES):
        runs = train(
            fastnn.mlp(2, 2, 1, loss="bce"),
            init=drawn,
            lr=1.0,
            epochs=updates + 1,
            every=20,
        )
        print(f"the page in PyTorch, {updates:,} updates: {report(runs)}")
        if updates == 2000:
            lower = np.mean(runs.final_loss < 0.0164)
            print(f"its loss then, 0.0164: {lower:.1%} are lower")
    on_plateau = 20 * (abs(runs.loss - LN2) < 0.01).sum(axis=1)
    begun = updates_to(runs, 0.6)
    print(
        f"updates within 0.01 of ln 2: {quantiles(on_plateau)}; until below 0.6: "
        f"{quantiles(begun)}; below {SOLVED}: {quantiles(updates_to(runs))}; below "
        f"0.6 within 1,100, as the page's is not: {np.mean(begun <= 1100):.1%}"
    )


def train_published_random_starts():
    """Train another page's random starts by its step.

    All parameters are from U(0, 0.1). The step takes the sum of the rows' gradients for
    weights, and their mean for biases.
    """
    drawn = np.stack(
        [0.1 * np.random.RandomState(seed).random_sample(9) for seed in range(N)]
    )
    print()
    for activation, updates in (
        ("sigmoid", 100_000),
        ("sigmoid", 300_000),
        ("tanh", 5_000),
        ("tanh", 20_000),
    ):
        runs = train(
            fastnn.mlp(2, 2, 1, activation=activation, loss="bce"),
            X=X[:, ::-1],
            init=drawn,
            optimizer=fastnn.SGD(lr=0.1, bias_lr=0.025),
            reduction="sum",
            epochs=updates + 1,
            every=updates // 100,
            stop_below=SOLVED,
        )
        name = f"the page of zeros, random {activation}, {updates:,} updates"
        print(f"{name}: {report(runs)}")
        median = runs.epochs_to(SOLVED).median - 1
        print(f"half are below {SOLVED} within {median:,.0f}")


def report(runs):
    """Return how many nets learn the gate, and how the others end, as text."""
    share = runs.success_rate(loss_below=SOLVED)
    return f"{interval(share)} learn the gate; {failures(runs)}"


def quantiles(updates):
    """Return quantiles over all nets as text; infinity means that a net never does."""
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    values = np.quantile(updates, shares, method="inverted_cdf")
    texts = [f"{value:,.0f}" for value in values]
    return f"{' / '.join(texts)} (5, 25, 50, 75, 95 %)"


if __name__ == "__main__":
    main()
