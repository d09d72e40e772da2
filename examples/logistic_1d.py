"""Train a logistic neuron on a threshold, and draw its curve every 50 updates."""

import matplotlib.pyplot as plt
import numpy as np

import fastnn

X, y = fastnn.datasets.threshold(100, boundary=0.0, seed=0)
net = fastnn.mlp(1, 1, loss="bce", init="normal(1)", seed=0)
history = net.fit(X, y, epochs=10, lr=0.01, shuffle=False, record=50)
print(f"{history}, boundary {-net.theta[1] / net.theta[0]:.2f}")

x = np.linspace(X.min(), X.max(), 100)[:, np.newaxis]
colors = plt.cm.viridis_r(np.linspace(0.15, 1.0, len(history.recording.theta)))
ax = fastnn.plot.data(X, y)
for theta, color in zip(history.recording.theta, colors, strict=True):
    ax.plot(x, net.with_theta(theta).predict_proba(x)[:, 1], color=color)
ax.lines[0].set_label("before training")
ax.lines[-1].set_label("after 1,000 updates")
ax.set_ylabel("label, and predicted probability of label 1")
ax.legend(loc="center left")
ax.figure.savefig("logistic_1d.png")
