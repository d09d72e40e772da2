"""scikit-learn's multilayer perceptrons, trained by the kernels: the same numbers.

    from fastnn.sklearn import MLPClassifier, MLPRegressor

in place of `sklearn.neural_network`; nothing else changes. It needs the extra
`pip install -e '.[sklearn]'`.
"""

from .estimators import MLPClassifier, MLPRegressor
from .search import MLPSearchCV

__all__ = ["MLPClassifier", "MLPRegressor", "MLPSearchCV"]
