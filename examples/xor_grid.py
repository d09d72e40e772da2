"""XOR on a grid: a 2-2-1 net learns a diagonal band, one point after the other."""

import fastnn

X, y = fastnn.datasets.xor_grid(100)  # 10,000 points and their labels
net = fastnn.mlp(2, 2, 1, activation="sigmoid", loss="bce", seed=1)
history = net.fit(X, y, epochs=50, lr=0.25, batch_size=1)  # an update a point: 500,000
print(history)
print(f"right: {net.score(X, y):.2%} of all points")

ax = fastnn.plot.decision_map(net, X[::13], y[::13])  # with some of the points
ax.figure.savefig("xor_grid.png")
