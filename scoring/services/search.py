"""Keeping the words by which a lead is found in step with the lead."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from leadscoring.common.bulk import insert_rows
from scoring.contracts import FeatureSetState
from scoring.ml.schema import Kind
from scoring.ml.search_words import kept
from scoring.models import Feature, FeatureSet, Lead, LeadSearch

BATCH = 1000
FILL_SECONDS = 12.0


def naming_columns() -> tuple[list[str], int]:
    """The columns that name a lead, as the active feature set marks them (identifiers), and the set's number;
    none and 0 while no set is active."""
    active = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).values_list("pk", "number").first()
    if active is None:
        return [], 0
    named = Feature.objects.filter(feature_set_id=active[0], kind=Kind.IDENTIFIER.value)
    return list(named.order_by("position").values_list("name", flat=True)), active[1]


def words_of(lead: Lead, columns: Sequence[str]) -> str:
    """What is kept for a lead."""
    named = (lead.attributes.get(column) for column in columns)
    return kept([lead.external_id, lead.owner, *(str(v) for v in named if isinstance(v, str | int | float))])


def index_leads(new: Sequence[Lead], changed: Sequence[Lead]) -> None:
    """Keep the words of stored leads; call it in the transaction that stored them. Changed leads whose words
    are still the same write nothing."""
    if not new and not changed:
        return
    columns, layout = naming_columns()
    known = dict(
        LeadSearch.objects.filter(lead_id__in=[lead.pk for lead in changed], layout=layout).values_list(
            "lead_id", "words"
        )
        if changed
        else ()
    )
    insert_rows(
        LeadSearch,
        [LeadSearch(lead_id=lead.pk, words=words_of(lead, columns), layout=layout) for lead in new],
    )
    rows = []
    for lead in changed:
        words = words_of(lead, columns)
        if known.get(lead.pk) != words:
            rows.append(LeadSearch(lead_id=lead.pk, words=words, layout=layout))
    _put(rows)


def _put(rows: Sequence[LeadSearch]) -> None:
    if rows:
        LeadSearch.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["lead"],
            update_fields=["words", "layout"],
            batch_size=BATCH,
        )


def out_of_step() -> QuerySet[LeadSearch]:
    """Words that were never read, or read with the naming columns of another feature set."""
    _, layout = naming_columns()
    # As ranges, which an index on the layout answers; "not equal" would read every row.
    return LeadSearch.objects.filter(Q(layout__isnull=True) | Q(layout__lt=layout) | Q(layout__gt=layout))


def fill_search(*, seconds: float = FILL_SECONDS, batch: int = BATCH) -> int:
    """Bring words into step, batch by batch, each its own transaction, for at most so many seconds; returns
    how many leads. Two workers at once do the same work twice and no harm."""
    # Imported here: leads.py writes through this module.
    from scoring.services.leads import locked

    end, done = monotonic() + seconds, 0
    while True:
        columns, layout = naming_columns()
        ids = list(out_of_step().order_by().values_list("lead_id", flat=True)[:batch])
        if not ids:
            return done
        with transaction.atomic():
            # Locked, so that nobody changes a lead between its reading and the writing of its words.
            leads = list(
                locked(Lead.objects.filter(pk__in=ids)).only("pk", "external_id", "owner", "attributes")
            )
            _put([LeadSearch(lead_id=x.pk, words=words_of(x, columns), layout=layout) for x in leads])
        done += len(leads)
        if monotonic() >= end:
            return done


def add_missing(*, most: int = 100_000) -> int:
    """Give leads that have no row of words one; returns how many. Leads written by an older program while the
    database was upgraded have none."""
    # Asked as NOT EXISTS, a join of two indexes: "not in" compares every lead with every row.
    without = Lead.objects.filter(~Exists(LeadSearch.objects.filter(lead=OuterRef("pk")))).values_list(
        "pk", flat=True
    )
    rows = [LeadSearch(lead_id=pk) for pk in without.order_by()[:most]]
    LeadSearch.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BATCH)
    return len(rows)
