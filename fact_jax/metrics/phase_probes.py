"""What linear models read from embeddings of frames: the phase, and how far the action has gone (NumPy, SciPy).

Source: CARL's published evaluation/*.py with scikit-learn 0.24.2.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.optimize import minimize

_TOLERANCE, _MAX_ITERATIONS = 1e-4, 100_000


@dataclasses.dataclass(frozen=True)
class PhaseClassifier:
    """A multinomial logistic regression: scores of frame x are weights @ x + intercepts.

    `classes` are the K labels that training had, ascending.
    """

    classes: Int[np.ndarray, " K"]
    weights: Float[np.ndarray, "K D"]
    intercepts: Float[np.ndarray, " K"]

    def probabilities(self, features: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N K"]:
        """float64, of every class of training."""
        scores = np.asarray(features, np.float64) @ self.weights.T + self.intercepts
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, features: Float[np.ndarray, "N D"]) -> Int[np.ndarray, " N"]:
        """The most likely label of every frame."""
        return self.classes[np.argmax(self.probabilities(features), axis=1)]

    def accuracy(self, features, labels) -> float:
        """Share of the frames whose most likely class is their label, in [0, 1]."""
        return float(np.mean(self.predict(features) == labels))


def fit_phases(features: Float[np.ndarray, "N D"], labels: Int[np.ndarray, " N"], *, penalty=1.0, tolerance=_TOLERANCE):
    """Fits a PhaseClassifier to N >= 1 frames: the sum of cross-entropies plus penalty / 2 times the squared weights.

    Two classes have two rows of weights, as 'multinomial' meant in scikit-learn 0.24; there that is logistic regression
    with C = 2 / penalty in today's, which knows no 'multinomial'. Intercepts bear no penalty. L-BFGS ends where no
    gradient is larger than `tolerance`, or where the objective no longer falls.
    """
    features = np.asarray(features, np.float64)
    classes, places = np.unique(labels, return_inverse=True)
    shape = (len(classes), features.shape[1] + 1)
    truth = places[:, None] == np.arange(len(classes))

    def objective(flat):
        weights = flat.reshape(shape)
        scores = features @ weights[:, :-1].T + weights[:, -1]
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        sums = shares.sum(axis=1, keepdims=True)
        loss = np.log(sums).sum() - scores[truth].sum() + 0.5 * penalty * np.sum(weights[:, :-1] ** 2)
        errors = shares / sums - truth
        gradient = np.empty(shape)
        gradient[:, :-1] = errors.T @ features + penalty * weights[:, :-1]
        gradient[:, -1] = errors.sum(axis=0)
        return loss, gradient.ravel()

    options = {"gtol": tolerance, "maxiter": _MAX_ITERATIONS, "maxfun": 2 * _MAX_ITERATIONS}
    if tolerance < _TOLERANCE:
        options["ftol"] = 0.0  # to the optimum
    found = minimize(objective, np.zeros(np.prod(shape)), method="L-BFGS-B", jac=True, options=options).x.reshape(shape)
    return PhaseClassifier(classes, found[:, :-1], found[:, -1])


def progress_targets(labels: Int[np.ndarray, " T"], num_classes) -> Float[np.ndarray, "T _"] | None:
    """How far a frame is behind the end of each phase but the last, as a share of the video: float64 [T, K - 1].

    None if the video lacks one of these phases: then it has no such end.
    """
    length = len(labels)
    ends = [np.flatnonzero(labels == phase) for phase in range(num_classes - 1)]
    if not all(len(places) for places in ends):
        return None
    last = np.array([places[-1] for places in ends])
    return (np.arange(length)[:, None] - last) / length


@dataclasses.dataclass(frozen=True)
class ProgressRegression:
    """Ordinary least squares with intercepts, a column for itself."""

    weights: Float[np.ndarray, "D E"]
    intercepts: Float[np.ndarray, " E"]

    def predict(self, features: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N E"]:
        """float64, what it says of every frame."""
        return np.asarray(features, np.float64) @ self.weights + self.intercepts

    def score(self, features: Float[np.ndarray, "N D"], targets: Float[np.ndarray, "N E"]) -> float:
        """Mean over the columns of R^2, at most 1; a column that does not vary counts as 1 if it is met, else as 0."""
        errors = targets - self.predict(features)
        left = np.sum(errors**2, axis=0)
        whole = np.sum((targets - targets.mean(axis=0)) ** 2, axis=0)
        varies = whole > 0
        scores = np.where(varies, 1.0 - left / np.where(varies, whole, 1.0), left == 0)
        return float(scores.mean())


def fit_progress(features: Shaped[np.ndarray, "N D"], targets: Float[np.ndarray, "N E"]) -> ProgressRegression:
    """Fits a ProgressRegression to N >= 1 frames."""
    features = np.asarray(features, np.float64)
    middle, mean = features.mean(axis=0), targets.mean(axis=0)
    weights = np.linalg.lstsq(features - middle, targets - mean, rcond=None)[0]
    return ProgressRegression(weights, mean - middle @ weights)
