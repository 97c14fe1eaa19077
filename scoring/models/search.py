"""What people know a lead by, kept beside it so that a search is quick."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import NotSupportedError, models
from django.db.models import Lookup


class WordsField(models.TextField):  # type: ignore[type-arg]  # generic in the stubs only
    """Words with one space between, looked up by how they begin: `has_words=["amal", "had"]`."""


@WordsField.register_lookup
class HasWords(Lookup):
    """Rows where each of some texts begins a word. Uses the inverted index that a migration makes: on
    PostgreSQL of the words' vector, on SQLite the FTS5 table beside this one."""

    lookup_name = "has_words"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        rhs = list(self.rhs)
        if len(rhs) == 1 and not (len(rhs[0]) == 1 and rhs[0].isascii()):
            # Asked twice, for the planner: it expects 2 % of all rows for any beginning of a word, and for the
            # first thousand of so many would read the whole table instead of the index. A letter alone does begin
            # so many words.
            rhs *= 2
        asked = " & ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "':*" for word in rhs)
        return f"array_to_tsvector(string_to_array({column}, ' ')) @@ %s::tsquery", [*params, asked]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        table = compiler.quote_name_unless_alias(self.lhs.alias)
        asked = " AND ".join('"' + word.replace('"', '""') + '"*' for word in self.rhs)
        found = "SELECT rowid FROM scoring_leadsearch_words WHERE scoring_leadsearch_words MATCH %s"
        return f"{table}.id IN ({found})", [asked]

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        raise NotSupportedError(f"has_words on {connection.vendor}; expected PostgreSQL or SQLite.")


class LeadSearch(models.Model):
    """The words of one lead: of its external id, its owner and the columns that name somebody.

    In a table of its own, because a lead's row changes with every scoring and this one hardly ever.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.OneToOneField("scoring.Lead", on_delete=models.CASCADE, related_name="+")
    words = WordsField(default="")
    layout = models.IntegerField(
        null=True,
        db_index=True,
        help_text="Number of the feature set whose naming columns were read, 0 for none; empty: not yet read.",
    )

    class Meta:
        verbose_name = "search words of a lead"
        verbose_name_plural = "search words of leads"
        default_permissions: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"{self.lead_id}: {self.words}"
