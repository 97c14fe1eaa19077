"""Words that files use for yes, no and nothing, in the languages lead files come in."""

from __future__ import annotations

_TRUE = "yes y true t 1 on ja j wahr oui o vrai sí si s verdadero sim verdadeiro vero igen tak да evet نعم 是 हाँ x"
_FALSE = "no n false f 0 off nein falsch non faux falso não nao nem nie нет hayır hayir لا 否 नहीं"

TRUE_WORDS = frozenset(_TRUE.split())
FALSE_WORDS = frozenset(_FALSE.split())
