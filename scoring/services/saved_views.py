"""Saved views of the lead list: kept, renamed, shown to everybody, opened first, deleted."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from scoring.contracts import ScoringError
from scoring.models import SavedView

MOST_VIEWS = 50
MOST_QUERY = 2000
LONGEST_NAME = 60


class ViewRefused(ScoringError):
    """A view cannot be kept as asked; the sentence says why."""

    code = "view-refused"


def save_view(
    *,
    view: SavedView | None,
    name: str,
    owner: User,
    address: dict[str, str] | None,
    is_shared: bool,
    is_default: bool,
    as_of: datetime,
) -> SavedView:
    """Keep a view: a new one (`view=None`), or one that changes. `address=None` leaves its filters as they are.

    Raises:
        ViewRefused: the name is blank, too long or taken, or there are too many.
    """
    name = " ".join(name.replace("\x00", "").split())
    if not name or len(name) > LONGEST_NAME:
        raise ViewRefused(f"The name has {len(name)} characters; expected 1 to {LONGEST_NAME}.")
    query = None if address is None else urlencode(sorted(address.items()))
    if query is not None and len(query) > MOST_QUERY:
        raise ViewRefused(f"The filters are {len(query):,} characters long; expected at most {MOST_QUERY:,}.")
    if view is None:
        if SavedView.objects.filter(owner=owner).count() >= MOST_VIEWS:
            raise ViewRefused(f"You have {MOST_VIEWS} views, which is the most; delete one first.")
        view = SavedView(owner=owner, created_at=as_of)
    view.name, view.is_shared, view.is_default, view.updated_at = name, is_shared, is_default, as_of
    view.query = view.query if query is None else query
    try:
        with transaction.atomic():
            if is_default:
                others = SavedView.objects.filter(owner=view.owner, is_default=True).exclude(pk=view.pk)
                others.update(is_default=False, updated_at=as_of)
            view.save()
    except IntegrityError as error:
        raise ViewRefused(f"You have a view with the name “{name}” already; choose another name.") from error
    return view
