"""Weights that all start at zero learn nothing, and fastnn says so; random ones learn the XOR gate."""

import warnings

import matplotlib.pyplot as plt

import fastnn

X, y = fastnn.datasets.xor_gate()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    zero = fastnn.mlp(2, 2, 1, activation="tanh", init="zeros")
print("warning:", caught[0].message)

for net, name in ((zero, "zeros"), (fastnn.mlp(2, 2, 1, activation="tanh", init="uniform(0, 0.1)", seed=0), "random")):
    history = net.fit(X, y, epochs=5000, lr=0.1, batch_size="full", reduction="sum")
    print(f"{name}: loss {history.loss[-1]:.4f}, predictions {net.predict_proba(X)[:, 1].round(3)}")
    plt.plot(history.loss, label=name)
plt.xlabel("step")
plt.ylabel("loss")
plt.legend()
plt.savefig("zero_init.png")
