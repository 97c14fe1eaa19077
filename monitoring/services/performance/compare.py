"""Two versions on the same leads: paired, so that what the leads have in common cancels out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy.special import ndtri, xlogy

from monitoring.selectors.performance import SameLeads, same_leads
from monitoring.services.performance.check import SPAN
from scoring.ml.delong import PairedAuc, delong_paired
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.recalibration import EDGE
from scoring.models import ModelVersion


@dataclass(frozen=True, slots=True)
class Compared:
    """AUC of both and their difference (DeLong, paired); log loss of the first less that of the second, below 0 is
    better for the first. `problem` says why there is no AUC."""

    leads: SameLeads
    auc: PairedAuc | None
    log_loss: Estimate | None
    problem: str = ""


def compare(a: ModelVersion, b: ModelVersion, *, as_of: datetime) -> Compared:
    """Compare two versions on the ripe leads of the past year that both scored before the outcome was known."""
    leads = same_leads(a, b, span=SPAN, as_of=as_of)
    loss = _loss_difference(leads)
    try:
        return Compared(leads, delong_paired(leads.y, leads.a, leads.b), loss)
    except NotEnoughData as reason:
        return Compared(leads, None, loss, str(reason))


def _loss_difference(leads: SameLeads) -> Estimate | None:
    """Mean of the differences lead by lead, with the interval of a mean; None below 30 leads."""
    n = len(leads.y)
    if n < 30:
        return None
    one, other = (np.clip(p, EDGE, 1 - EDGE) for p in (leads.a, leads.b))
    y = leads.y.astype(np.float64)
    each = xlogy(y, other) + xlogy(1 - y, 1 - other) - xlogy(y, one) - xlogy(1 - y, 1 - one)
    half = float(ndtri(0.975)) * float(each.std(ddof=1)) / np.sqrt(n)
    value = float(each.mean())
    return Estimate(value, value - float(half), value + float(half), n, "paired, normal")
