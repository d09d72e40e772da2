"""Train a 2-2-1 net on a grid of points, one update per point."""

import fastnn

X, y = fastnn.datasets.xor_grid(100)  # 10,000 points and their labels
net = fastnn.mlp(2, 2, 1, activation="sigmoid", loss="bce", seed=1)
history = net.fit(X, y, epochs=50, lr=0.25, batch_size=1)  # 500,000 updates
print(history)
print(f"accuracy: {net.score(X, y):.2%}")

ax = fastnn.plot.decision_map(net, X[::13], y[::13])  # every 13th point on top
ax.figure.savefig("xor_grid.png")
