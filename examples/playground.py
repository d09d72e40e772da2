"""TensorFlow Playground's four data sets, and nets that learn them."""

import matplotlib.pyplot as plt

import fastnn

figure, axes = plt.subplots(1, 4, figsize=(13, 4.2), layout="constrained")
for ax, name in zip(axes, ("circle", "xor", "gauss", "spiral"), strict=True):
    X, y = getattr(fastnn.datasets, f"playground_{name}")(500, noise=0.15, seed=1)
    learn, test = slice(0, None, 2), slice(1, None, 2)  # half of the points each
    net = fastnn.mlp(2, 8, 8, 1, activation="tanh", seed=0)
    history = net.fit(
        X[learn], y[learn], epochs=400, batch_size=10, optimizer="adam", lr=0.01
    )
    right = net.score(X[test], y[test])
    print(f"{name}: {history}, {right:.1%} of the other points right")
    fastnn.plot.decision_map(net, X[test], y[test], ax=ax)
    ax.set_title(f"{name}: {right:.1%} correct")
    if name != "circle":  # one legend for all
        ax.get_legend().remove()
figure.savefig("playground.png")
