"""Everything a skops file may name. A constant of this program: no file and no person adds to it.

Left out on purpose: whatever runs compiled code over arrays of the file that cannot be checked here (support vector
machines, neighbours, splines), whatever carries patterns or functions of its own (text vectorisers), and whatever
learns from outside scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping

_ESTIMATORS: Mapping[str, tuple[str, ...]] = {
    "sklearn.pipeline": ("Pipeline", "FeatureUnion"),
    "sklearn.compose._column_transformer": ("ColumnTransformer",),
    "sklearn.impute._base": ("SimpleImputer", "MissingIndicator"),
    "sklearn.preprocessing._data": (
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "PowerTransformer",
        "QuantileTransformer",
        "Normalizer",
        "Binarizer",
    ),
    "sklearn.preprocessing._encoders": ("OneHotEncoder", "OrdinalEncoder"),
    "sklearn.preprocessing._target_encoder": ("TargetEncoder",),
    "sklearn.preprocessing._discretization": ("KBinsDiscretizer",),
    "sklearn.preprocessing._function_transformer": ("FunctionTransformer",),
    "sklearn.preprocessing._label": ("LabelEncoder", "LabelBinarizer"),
    "sklearn.feature_selection._variance_threshold": ("VarianceThreshold",),
    "sklearn.decomposition._pca": ("PCA",),
    "sklearn.linear_model._logistic": ("LogisticRegression", "LogisticRegressionCV"),
    "sklearn.linear_model._stochastic_gradient": ("SGDClassifier",),
    "sklearn.svm._classes": ("LinearSVC",),
    "sklearn.naive_bayes": ("GaussianNB", "BernoulliNB"),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis",),
    "sklearn.dummy": ("DummyClassifier",),
    "sklearn.tree._classes": (
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "ExtraTreeClassifier",
    ),
    "sklearn.ensemble._forest": ("RandomForestClassifier", "ExtraTreesClassifier"),
    "sklearn.ensemble._gb": ("GradientBoostingClassifier",),
    "sklearn.ensemble._weight_boosting": ("AdaBoostClassifier",),
    "sklearn.ensemble._voting": ("VotingClassifier",),
    "sklearn.ensemble._stacking": ("StackingClassifier",),
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": ("HistGradientBoostingClassifier",),
    "sklearn.ensemble._hist_gradient_boosting.binning": ("_BinMapper",),
    "sklearn.ensemble._hist_gradient_boosting.predictor": ("TreePredictor",),
    "sklearn.calibration": ("CalibratedClassifierCV", "_CalibratedClassifier", "_SigmoidCalibration"),
    "sklearn.isotonic": ("IsotonicRegression",),
    "sklearn._loss.loss": ("HalfBinomialLoss",),
    "sklearn._loss.link": ("Interval", "LogitLink"),
}
_SCALARS = (
    "bool",
    "bool_",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "str_",
    "object_",
)
_FUNCTIONS = (
    "absolute",
    "arcsinh",
    "cbrt",
    "exp",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "sign",
    "sqrt",
    "square",
    "tanh",
)

ALLOWED: Mapping[str, frozenset[tuple[str, str]]] = {
    "ObjectNode": frozenset((module, name) for module, names in _ESTIMATORS.items() for name in names),
    "TreeNode": frozenset({("sklearn.tree._tree", "Tree")}),
    "LossNode": frozenset({("sklearn._loss._loss", "CyHalfBinomialLoss")}),
    "NdArrayNode": frozenset(("numpy", name) for name in ("ndarray", *_SCALARS)),
    "DTypeNode": frozenset({("numpy", "dtype")}),
    "TypeNode": frozenset(
        {("builtins", name) for name in ("str", "int", "float", "bool", "object")}
        | {("numpy", name) for name in _SCALARS}
    ),
    "FunctionNode": frozenset(("numpy", name) for name in _FUNCTIONS),
    "JsonNode": frozenset({("builtins", "str")}),
    "DictNode": frozenset({("builtins", "dict"), ("sklearn.utils._bunch", "Bunch")}),
    "ListNode": frozenset({("builtins", "list")}),
    "TupleNode": frozenset({("builtins", "tuple")}),
    "SliceNode": frozenset({("builtins", "slice")}),
    "RandomStateNode": frozenset({("numpy.random.mtrand", "RandomState")}),
    "RandomGeneratorNode": frozenset({("numpy.random._generator", "Generator")}),
}
"""Node of a skops file → the types it may build, as (module, name)."""

TRUSTED: tuple[str, ...] = tuple(
    sorted(f"{module}.{name}" for types in ALLOWED.values() for module, name in types)
)
"""The same for skops' own audit, which runs after ours."""
