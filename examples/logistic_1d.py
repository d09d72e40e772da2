"""Train a logistic neuron on a threshold, and draw its curve every ten updates."""

import numpy as np

import fastnn

X, y = fastnn.datasets.threshold(100, boundary=0.0, seed=0)
net = fastnn.mlp(1, 1, loss="bce", init="normal(1)", seed=0)
history = net.fit(X, y, epochs=10, lr=0.01, shuffle=False, record=10)
print(f"{history}, boundary {-net.theta[1] / net.theta[0]:.2f}")

x = np.linspace(X.min(), X.max(), 100)[:, np.newaxis]
curves = [
    net.with_theta(theta).predict_proba(x)[:, 1] for theta in history.recording.theta
]
ax = fastnn.plot.data(X, y)
ax.plot(x, np.transpose(curves), color="#56B4E9", alpha=0.4)
ax.plot(x, curves[0], color="#009E73", label="start")
ax.plot(x, curves[-1], color="#CC79A7", label="end")
ax.legend()
ax.figure.savefig("logistic_1d.png")
