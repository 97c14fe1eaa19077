"""True chances under the dials: the law as it changes, the seasons, the follow-up; with and without the latter."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadscoring.simulation.changes import (
    EFFECTS,
    ChangedLaw,
    FollowUp,
    NewSource,
    SeasonalSwing,
    SlowConversions,
)
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.draws import Flags, Floats, sigmoid, stream
from leadscoring.simulation.fields import Fields
from leadscoring.simulation.follow_up import AtHand
from leadscoring.simulation.law import CURVES, Law, build_law, intercept_for, reference_leads, season_angle
from leadscoring.simulation.outcomes import Chances
from leadscoring.simulation.shifts import Acted


@dataclass(frozen=True, slots=True)
class Truth:
    """(n,) log-odds and probabilities with follow-up and without, the effort, and which dial acted on whom."""

    log_odds: Floats
    log_odds_without: Floats
    effort: Floats
    stretch: Floats
    acted: Acted

    @property
    def chances(self) -> Chances:
        """What the outcomes are drawn from."""
        return Chances(sigmoid(self.log_odds), sigmoid(self.log_odds_without), self.stretch)


def law_of(config: SimulationConfig) -> Law:
    """The law of the world with the effects of new sources."""
    return _with_new_sources(config, build_law(config))


def _with_new_sources(config: SimulationConfig, law: Law) -> Law:
    effects = {dial.source: dial.effect for dial in config.turned(NewSource)}
    return law.with_sources(list(effects.values())) if effects else law


def changed_law(config: SimulationConfig, dial: ChangedLaw) -> Law:
    """The law a dial leads to; drawn from the world alone.

    Its intercept is such that, gone towards it as far as the dial goes, the reference population has the base rate.
    """
    law, reference = build_law(config), reference_leads(config.world)
    chosen = frozenset(dial.effects or EFFECTS)
    if dial.how == "flipped":
        new = replace(law, flipped=chosen)
    else:

        def traded(name: str, effects: Floats) -> Floats:
            return _traded(config.world, name, effects) if name in chosen else effects

        new = replace(
            law,
            mains={name: traded(name, effects) for name, effects in law.mains.items()},
            source_sector=traded("source_sector", law.source_sector),
            licence_office=traded("licence_office", law.licence_office),
            existing_package=traded("existing_package", law.existing_package),
            flipped=chosen & frozenset(CURVES),
        )
    old = law.intercept + law.effects(reference)
    shift = intercept_for((1.0 - dial.size) * old + dial.size * new.effects(reference), config.base_rate)
    return _with_new_sources(config, replace(new, intercept=shift / dial.size))


def _traded(world: int, name: str, effects: Floats) -> Floats:
    """The levels' effects (a table's rows) passed on by a drawn number of places; a missing value keeps its own."""
    places = 1 + int(stream(world, f"changed law {name}").integers(0, len(effects) - 2))
    return np.concatenate([np.roll(effects[:-1], places, axis=0), effects[-1:]])


def draw_truth(config: SimulationConfig, shown: Fields, created: Floats, leads: pd.DataFrame) -> Truth:
    """The truth of each lead; leads: ids and creation columns as the CRM shows them, for the follow-up's policy."""
    law = law_of(config)
    usual = law.log_odds(shown, created)
    total = usual.copy()
    acted: Acted = []
    for change in config.turned(ChangedLaw):
        strength = change.strength(created)
        under = np.flatnonzero(strength)
        if under.size:
            new = changed_law(config, change).log_odds(shown.where(under), created[under])
            total[under] += strength[under] * (new - usual[under])
            acted.append((change, strength != 0.0))
    for swing in config.turned(SeasonalSwing):
        strength = swing.strength(created)
        total += strength * np.cos(season_angle(created))
        acted.append((swing, strength != 0.0))
    stretch = np.ones(created.size)
    for slow in config.turned(SlowConversions):
        strength = slow.strength(created)
        stretch *= 1.0 + strength
        acted.append((slow, strength != 0.0))
    without, effort = total, np.zeros(created.size)
    for follow_up in config.turned(FollowUp):
        strength = follow_up.strength(created)
        if not strength.any():
            continue
        efforts = _checked(follow_up, follow_up.policy.efforts(AtHand(leads, created, without, config.seed)))
        worked: Flags = (strength != 0.0) & (efforts != 0.0)
        total = total + strength * efforts
        effort = np.where(strength != 0.0, efforts, effort)
        acted.append((follow_up, worked))
    return Truth(total, without, effort, stretch, acted)


def _checked(dial: FollowUp, efforts: Floats) -> Floats:
    outside = ~((efforts >= -1.0) & (efforts <= 1.0))
    if outside.any():
        dial.refuse("effort", float(efforts[outside][0]), "numbers from -1 to 1 from the policy")
    return efforts
