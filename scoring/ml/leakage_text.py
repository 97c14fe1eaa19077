"""What the words of a free text tell about the outcome."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from scoring.ml.leakage_encoding import Bools, Floats

_WORD = re.compile(r"[^\W\d_]{2,}")
_WORDS = 1000
_FEWEST = 10
_LONGEST = 2000


def word_scores(values: NDArray[np.object_], target: Bools, fold: NDArray[np.int64]) -> Floats:
    """For each text the log-odds of conversion that its words had in the other folds, shape (n,).

    A naive Bayes on the presence of the thousand commonest words; an empty text counts as a word of its own.
    """
    sets = [
        sorted(set(_WORD.findall(text[:_LONGEST].casefold()))) if text else ["(empty)"] for text in values
    ]
    common = Counter(word for words in sets for word in words)
    places = {word: i for i, (word, n) in enumerate(common.most_common(_WORDS)) if n >= _FEWEST}
    if not places:
        return np.zeros(len(values))
    columns = [[places[word] for word in words if word in places] for words in sets]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    flat = np.array([place for row in columns for place in row], dtype=np.int64)
    table = csr_matrix((np.ones(len(flat)), flat, starts), shape=(len(values), len(places)))
    out = np.zeros(len(values))
    for k in range(int(fold.max()) + 1):
        won, lost = (fold != k) & target, (fold != k) & ~target
        with_won = np.asarray(table[won].sum(axis=0)).ravel()
        with_lost = np.asarray(table[lost].sum(axis=0)).ravel()
        # One lead on each side keeps a word that was seen once from deciding alone.
        odds = np.log((with_won + 1) / (won.sum() + 2)) - np.log((with_lost + 1) / (lost.sum() + 2))
        out[fold == k] = table[fold == k] @ odds
    return out
