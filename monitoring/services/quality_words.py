"""What the look at data quality says."""

from __future__ import annotations

from monitoring.contracts import Story
from monitoring.selectors.profiles import EVERYONE, Watched
from monitoring.services.drift_words import p_words, q_words, share, value_of, where
from monitoring.stats.quality import Volume
from monitoring.stats.surveillance import Defect, Defective

NAMES = {
    Defect.MISSING: "has no value",
    Defect.UNSEEN: "holds a value that training never saw",
    Defect.UNREADABLE: "cannot be read",
    Defect.OUTSIDE: "lies outside its allowed range",
}
SHORT = {
    Defect.MISSING: "is missing",
    Defect.UNSEEN: "holds unknown values",
    Defect.UNREADABLE: "cannot be read",
    Defect.OUTSIDE: "is out of range",
}


_READ_AS = {
    Defect.MISSING: "not known",
    Defect.UNSEEN: "an average value",
    Defect.UNREADABLE: "not known",
    Defect.OUTSIDE: "real",
}


def span(minutes: int) -> str:
    """A stretch in words."""
    if minutes >= 120:
        return f"{minutes // 60} hours"
    return "hour" if minutes == 60 else f"{minutes} minutes"


def defect_story(seen: Watched, one: Defective, importance: float) -> Story:
    """The story of values that are bad."""
    label = seen.reference.feature(one.feature).label
    place = where(seen, one.segment)
    rise = one.rise
    if rise is None:
        text = "No lead came within a day, so nothing can be said."
        return Story(f"{label}{place}: no leads", text, text, text, "See whether leads still arrive.", "")
    if importance >= 0.01:
        title = f"Scores leave out {label}{place}: it {SHORT[one.defect]} in {share(rise.now)} of the leads"
        consequence = (
            f"{label} carries {share(importance)} of the model. These leads are scored as if it were "
            f"{_READ_AS[one.defect]}: good ones may be called too late."
        )
    else:
        title = f"{label}{place} {SHORT[one.defect]} in {share(rise.now)} of the leads; scores hardly change"
        consequence = f"{label} hardly counts in the model ({share(importance)}), so grades stay as they are."
    return Story(
        title=title,
        what=(
            f"{label}{place} {NAMES[one.defect]} in {share(rise.now)} of the leads of the last {span(one.minutes)}; "
            f"{share(rise.before)} was to be expected, by the reference and the mix of leads."
        ),
        sure=(
            f"{rise.n:,} leads against {rise.m:,} in the reference, {p_words(rise.p)}; among all that was looked at "
            f"{q_words(one.q)}."
        ),
        consequence=consequence,
        next_step=(
            f"Ask who sends {label} what changed: a form, a field mapping, a unit, a list of values. The alert clears "
            "by itself once values come as before."
        ),
        link="",
    )


def volume_story(seen: Watched, key: tuple[str, int], minutes: int, one: Volume) -> Story:
    """The story of leads that do not come."""
    who = (
        "leads"
        if key == EVERYONE
        else f"leads with {seen.reference.feature(key[0]).label} = {value_of(seen, key)}"
    )
    gone = max(one.expected - one.came, 0.0)
    return Story(
        title=f"About {gone:.0f} {who} did not come in the last {span(minutes)}",
        what=(
            f"{one.came:,} came; in the same hours of the last {one.weeks} weeks it was {one.expected:.1f} on "
            "average."
        ),
        sure=f"95 of 100 such stretches hold {one.low:.0f} to {one.high:.0f}; {p_words(one.p_low)} for so few.",
        consequence="Leads that nobody gets are calls that nobody makes. Nothing is wrong with the model.",
        next_step=(
            "See whether the form, the campaign or the connection to the CRM works. If leads were lost on the way, "
            "import them when it is mended."
        ),
        link="",
    )
