"""How often does XOR work? 10,000 nets of each kind, and as many of three published ones, or as many as are asked for.

It prints every number of docs/how-often-does-xor-work.md, and draws its pictures, in two minutes on two cores.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import fastnn

N = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
UPDATES, EVERY = (
    10_000,
    100,
)  # the loss of an epoch is that before its update: after 10,000 updates, of epoch 10,001
SOLVED = 0.1  # below ln(2) / 4 = 0.173 no row can be wrong
HIDDEN, ACTIVATIONS = (2, 3, 4), ("sigmoid", "tanh")
SCHEMES = ("xavier", "he", "normal(1.0)", "uniform(-1, 1)", "normal(0.1)")
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
LN2 = np.log(2.0)
PLATEAUS = {"0.347": LN2 / 2, "0.477": (3 * np.log(3.0) - 2 * LN2) / 4, "0.693": LN2}
X, y = fastnn.datasets.xor_gate()


def main():
    """All of the page, in its order."""
    rates, courses = sweep()
    draw(rates)
    print_rates(rates)
    print_courses(courses)
    one_setting()
    published_seeds()
    published_in_pytorch()
    published_random_start()


def train(net, X=X, **how):
    """Train many nets on all four rows at once."""
    return net.fit_many(X, y, **{"batch_size": "full", "every": EVERY, **how})


def sweep():
    """Success rates by hidden neurons, activation, scheme and learning rate; and how xavier's grow with the updates."""
    rates, courses, lr = {}, {}, np.repeat(RATES, N)
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
                    rates[hidden, activation, scheme, rate] = nets.success_rate(
                        loss_below=SOLVED
                    )
                    if scheme == "xavier":
                        courses[hidden, activation, rate] = nets.share_solved(
                            loss_below=SOLVED
                        )
                    if hidden == 2 and scheme in ("xavier", "normal(0.1)"):
                        print(
                            f"2-2-1 {activation}, {scheme}, lr {rate:g}: {failures(nets)}"
                        )
    return rates, courses


def failures(runs):
    """At which losses the nets end that do not solve the gate."""
    ends = runs.final_loss[~runs.solved(loss_below=SOLVED)]
    if not len(ends):
        return "none fails"
    where = [
        f"{percent(np.mean(abs(ends - loss) < 0.01))} near {name}"
        for name, loss in PLATEAUS.items()
    ]
    return f"{len(ends):,} of {len(runs):,} fail: {', '.join(where)}, {percent(np.mean(ends > 0.71))} above 0.71"


def draw(rates):
    """The share that solves the gate against the learning rate, a panel for each kind of net, a line a scheme."""
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
                line = [rates[hidden, activation, scheme, rate] for rate in RATES]
                dashes = (
                    "--" if scheme == "he" else "-"
                )  # over normal(1.0), which it nearly is
                ax.plot(
                    RATES,
                    line,
                    dashes,
                    color=color,
                    marker="o",
                    markersize=4,
                    zorder=3 if scheme == "he" else 2,
                )
                ax.vlines(
                    RATES,
                    [share.low for share in line],
                    [share.high for share in line],
                    color=color,
                )
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
    name_lines(
        axes[0, 0], [rates[2, "sigmoid", scheme, RATES[-1]] for scheme in SCHEMES]
    )
    axes[1, 0].set_xlim(axes[0, 0].get_xlim())
    for ax in axes[1]:
        ax.set_xlabel("learning rate")
    figure.suptitle(
        f"Share of {N:,} nets with a loss below {SOLVED} within {UPDATES:,} updates, by initial weights"
    )
    figure.savefig("how_often_does_xor_work.png", dpi=100)


def name_lines(ax, ends):
    """Write each scheme to the right of its line's end, as far apart as letters are high."""
    height, below = 0.065, -1.0
    for place in np.argsort(ends, kind="stable"):
        below = max(float(ends[place]), below + height)
        color = fastnn.plot.COLORS[place]
        ax.text(
            RATES[-1] * 1.2,
            below,
            SCHEMES[place],
            color=color,
            va="center",
            fontweight="bold",
        )
    ax.set_xlim(right=RATES[-1] * 7)


def percent(share):
    """A share in percent; where a few nets are rounded away, it says so."""
    text = f"{share:.1%}"
    if (text == "100.0%" and share < 1.0) or (text == "0.0%" and share > 0.0):
        return ">99.9%" if share > 0.5 else "<0.1%"
    return text


def interval(rate):
    """A rate with its 95 % interval."""
    return f"{percent(rate)} ({percent(rate.low)} to {percent(rate.high)})"


def table(head, rows):
    """Print a table in Markdown."""
    print()
    for row in (head, ["---"] * len(head), *rows):
        print("|", " | ".join(row), "|")
    print()


def print_rates(rates):
    """A table for each learning rate; and what other seeds are worth."""
    kinds = [(hidden, activation) for hidden in HIDDEN for activation in ACTIVATIONS]
    widest = max((rate.high - rate.low) / 2 for rate in rates.values())
    print(f"\n95 % intervals are at most {widest:.2%} wide to each side")
    for rate in RATES:
        rows = [
            [scheme, *(percent(rates[*kind, scheme, rate]) for kind in kinds)]
            for scheme in SCHEMES
        ]
        table(
            [
                f"lr {rate:g}",
                *(f"2-{hidden}-1 {activation}" for hidden, activation in kinds),
            ],
            rows,
        )
    for activation in ACTIVATIONS:
        rate = rates[2, activation, "xavier", 1.0]
        again = [percent(1 - (1 - rate) ** tries) for tries in (1, 2, 3, 4, 5, 6)]
        print(
            f"2-2-1 {activation}, xavier, lr 1: {interval(rate)}; with 1, 2, ... 6 seeds: {', '.join(again)}"
        )


def print_courses(courses):
    """How the share grows with the updates."""
    times = (500, 1000, 2000, 5000, 10_000)
    for hidden in HIDDEN:
        for activation in ACTIVATIONS:
            shares = {rate: courses[hidden, activation, rate] for rate in RATES}
            rows = [
                [f"{rate:g}", *(percent(share[t // EVERY]) for t in times)]
                for rate, share in shares.items()
            ]
            table(
                [f"2-{hidden}-1 {activation}, xavier, lr", *(f"{t:,}" for t in times)],
                rows,
            )


def one_setting():
    """The default scheme with a learning rate of 1, while most nets learn: what plot.success shows of it."""
    runs = train(
        fastnn.mlp(2, 2, 1, loss="bce"), seeds=range(N), lr=1.0, epochs=3001, every=10
    )
    print(f"2-2-1 sigmoid, xavier, lr 1, 3,000 updates: {report(runs)}")
    for name, loss in list(PLATEAUS.items())[:2]:
        net = int(abs(runs.final_loss - loss).argmin())
        print(
            f"near {name}: seed {net} answers {runs[net].predict_proba(X)[:, 1].round(2)} to {X.tolist()}"
        )
    figure = plt.figure(figsize=(11, 8), layout="constrained")
    fastnn.plot.success(runs, X, y, loss_below=SOLVED, figure=figure)
    figure.savefig("how_often_does_xor_work_fails.png", dpi=80)


def published_seeds():
    """Two seeds of one page, among the seeds from 0 on: all parameters from N(0, 1), gradients summed, lr 0.1."""
    seeds = [220132, 220118, *range(N)]
    drawn = np.stack([np.random.RandomState(seed).randn(9) for seed in seeds])
    drawn[:, [1, 2]] = drawn[:, [2, 1]]  # there, a row of the first weights is a neuron
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
        for seed, loss, when in zip(
            seeds, published.final_loss, taken(published), strict=False
        ):
            lower, sooner = (
                np.mean(others.final_loss < loss),
                np.mean(taken(others) < when),
            )
            print(
                f"seed {seed}: loss {loss:.4f}, {lower:.1%} are lower; {when:,.0f} updates, {sooner:.1%} are faster"
            )


def taken(runs, loss_below=SOLVED):
    """After how many updates each net's loss is first below a bound; infinity where it never is."""
    return runs.epochs_to(loss_below).each - 1


def published_in_pytorch():
    """A net of unknown seed, among such as start as PyTorch's Linear(2, 2) and Linear(2, 1) do; and their plateau."""
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
            print(
                f"its loss then, 0.0164: {np.mean(runs.final_loss < 0.0164):.1%} are lower"
            )
    near, left = 20 * (abs(runs.loss - LN2) < 0.01).sum(axis=1), taken(runs, 0.6)
    print(
        f"updates within 0.01 of ln 2: {spread(near)}; until below 0.6: {spread(left)}; below {SOLVED}: ",
        end="",
    )
    print(
        f"{spread(taken(runs))}; below 0.6 within 1,100, as the page's is not: {np.mean(left <= 1100):.1%}"
    )


def published_random_start():
    """Another page's random start, all parameters from U(0, 0.1), and its step: weights by sums, biases by means."""
    drawn = np.stack(
        [0.1 * np.random.RandomState(seed).random_sample(9) for seed in range(N)]
    )
    step = fastnn.SGD(lr=0.1, bias_lr=0.025)
    print()
    for activation, updates in (
        ("sigmoid", 100_000),
        ("sigmoid", 300_000),
        ("tanh", 5_000),
        ("tanh", 20_000),
    ):
        net = fastnn.mlp(2, 2, 1, activation=activation, loss="bce")
        how = {
            "init": drawn,
            "optimizer": step,
            "reduction": "sum",
            "epochs": updates + 1,
            "every": updates // 100,
        }
        runs = train(net, X=X[:, ::-1], stop_below=SOLVED, **how)
        print(
            f"the page of zeros, random {activation}, {updates:,} updates: {report(runs)}"
        )
        print(
            f"half are below {SOLVED} within {runs.epochs_to(SOLVED).median - 1:,.0f}"
        )


def report(runs):
    """How many nets solve the gate, and where the others end."""
    return f"{interval(runs.success_rate(loss_below=SOLVED))} solve the gate; {failures(runs)}"


def spread(updates):
    """Quantiles over all nets, infinite where so many never get there."""
    quantiles = np.quantile(
        updates, (0.05, 0.25, 0.5, 0.75, 0.95), method="inverted_cdf"
    )
    return f"{' / '.join(f'{each:,.0f}' for each in quantiles)} (5, 25, 50, 75, 95 %)"


if __name__ == "__main__":
    main()
