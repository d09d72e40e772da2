"""scikit-learn's multilayer perceptrons, trained by compiled loops.

>>> from fastnn.sklearn import MLPClassifier  # in place of sklearn.neural_network
>>> from fastnn.datasets import spiral
>>> X, y = spiral(100)
>>> MLPClassifier(random_state=0, max_iter=500).fit(X, y).score(X, y) > 0.9
True
"""

from .estimators import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
