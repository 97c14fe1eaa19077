"""What the core tells the apps above it: "these rows now exist".

Each is sent with `send` inside the transaction that wrote the rows, so a failing receiver undoes both.

- `predictions_recorded`: `ids` (list of prediction UUIDs)
- `outcomes_recorded`: `ids` (list of outcome primary keys)
- `version_registered`: `ids` (list of model version primary keys)
- `release_changed`: `ids` (list with the new release's primary key)
"""

from django.dispatch import Signal

predictions_recorded = Signal()
outcomes_recorded = Signal()
version_registered = Signal()
release_changed = Signal()
