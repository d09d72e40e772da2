"""One logistic neuron learns a threshold; its curve after every update is drawn."""

import matplotlib.pyplot as plt
import numpy as np

import fastnn

X, y = fastnn.datasets.threshold(100, boundary=0.0, seed=0)
net = fastnn.mlp(1, 1, loss="bce", init="normal(1)", seed=0)
history = net.fit(X, y, epochs=10, lr=0.01, shuffle=False, record=1)
w, b = net.theta
print(f"loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f}, right: {net.score(X, y):.0%}, boundary: {-b / w:.2f}")

x = np.linspace(X.min(), X.max(), 100)[:, np.newaxis]
curves = [net.with_theta(theta).predict_proba(x)[:, 1] for theta in history.recording.theta]
ax = fastnn.plot.data(X, y)
ax.plot(x, np.transpose(curves[1:]), color="#56B4E9", linewidth=0.5)
ax.plot(x, curves[0], color="#009E73")
ax.plot(x, curves[-1], color="#D55E00")
plt.savefig("logistic_1d.png")
