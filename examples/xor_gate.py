"""Train two hidden neurons on the XOR gate."""

import matplotlib.pyplot as plt

import fastnn

X, y = fastnn.datasets.xor_gate()
net = fastnn.mlp(2, 2, 1, activation="sigmoid", loss="bce", init="normal(1)", seed=0)
history = net.fit(X, y, epochs=5000, lr=0.1, batch_size="full", reduction="sum")
print(history)
for (x1, x2), p in zip(X, net.predict_proba(X)[:, 1], strict=True):
    print(f"{x1:.0f} xor {x2:.0f}: {p:.3f}")

_, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
fastnn.plot.history(history, ax=left)
fastnn.plot.decision_map(net, X, y, ax=right).legend(title="label", loc="center")
plt.savefig("xor_gate.png")
