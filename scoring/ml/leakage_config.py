"""The limits of the leak audit, each with its reason, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeakConfig:
    """Limits of the leak audit.

    r is the share of a region among converted leads, f its share among the others, J = r - f and
    LR = r / f (the likelihood ratio of the region). A region is a set of levels, values or bins that was
    chosen on other rows than it is measured on.
    """

    rows: int = 60_000
    """Rows looked at; more change no verdict and cost time. Drawn with a fixed seed, said in the evidence."""

    folds: int = 5

    strong_auc: float = 0.85
    strong_low: float = 0.78
    """A field known at creation rarely ranks leads better than .80 alone; the lower end of the interval must
    clear it too, or small files would lose honest columns to noise."""

    rival_auc: float = 0.79
    rival_others: int = 4
    rival_gain: float = 0.03
    """Between .79 and .85 a column is held out when it alone ranks as well as all others together and still
    adds this much AUC to them; with fewer other columns that tell something, being best proves nothing."""

    sure: float = 0.5
    """Share of a wanted likelihood ratio that the unfavourable ends of the intervals must still reach."""

    fill_j: float = 0.45
    fill_lr: float = 8.0
    fill_recall: float = 0.2
    fill_lr_strict: float = 15.0
    fill_lr_rare: float = 30.0
    fill_rare_rows: int = 12
    fill_rare_purity: float = 0.85
    """Giving a telephone number or a budget makes a lead a few times likelier to convert (LR 2 to 8). A field
    that is filled 15 times as often for one side was filled in because of the outcome."""

    region_j: float = 0.5
    region_lr: float = 12.0
    """A source or a form can convert at 90 %, but then few leads come through it. A region that holds most of
    one side and hardly any of the other is the outcome written down."""

    pure_rate: float = 0.975
    pure_low: float = 0.95
    pure_recall: float = 0.06
    pure_recall_bins: float = 0.3
    """Real sources reach 90 to 95 %; above, somebody wrote the level knowing the outcome. The far end of an
    honest number may be as pure, so bins of a number must hold more of the conversions."""

    never_ratio: float = 0.02
    never_share: float = 0.2
    never_share_bins: float = 0.45
    """A region of a fifth of the unconverted leads whose conversion rate is below 2 % of the usual one:
    honest levels convert seldom, not never. Both far ends of an honest number (a budget) may."""

    tail_factor: float = 0.4
    tail_ratio: float = 0.05
    tail_auc: float = 0.7
    tail_shares: tuple[float, ...] = (0.08, 0.12, 0.16, 0.2, 0.25, 0.3)
    tail_chance: float = 0.005
    tail_parts: int = 5
    tail_growth: float = 1.15
    tail_floor: float = 0.025
    """The end of a number where leads cannot convert (calls of ten seconds): less than .4 of the conversions
    that two bell curves of the same AUC have there, and too few to be chance. The last of five equal
    parts must convert 1.15 times as often as the one before it: an honest number that levels off or falls again
    (minutes on a site) has a barren end too. Only a floor below which surely hardly anything converts, by the upper
    end of its interval less than .025 of the usual, needs no such growth."""

    later_share: float = 0.97
    later_days: float = 0.5
    near_days: float = 3.0
    near_share: float = 0.5
    """A date that lies after the creation of the lead in 97 % of the rows was not known at creation."""

    named_auc: float = 0.6
    named_fill_lr: float = 2.0
    contact_auc: float = 0.75
    """When the name (or the values) already say “after the outcome”, this much signal is enough; for names
    that say “during the contact”, more is asked."""


DEFAULT = LeakConfig()
