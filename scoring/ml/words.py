"""Words that files use for yes, no and nothing, in the languages lead files come in."""

from __future__ import annotations

_TRUE = (
    "yes y true t 1 on x ja j wahr oui o vrai sí si s verdadero sim verdadeiro vero "
    "igen tak да evet نعم 是 हाँ"
)
_FALSE = "no n false f 0 off nein falsch non faux falso não nao nem nie нет hayır hayir لا 否 नहीं"

TRUE_WORDS = frozenset(_TRUE.split())
FALSE_WORDS = frozenset(_FALSE.split())

_CODES = "zip zipcode plz postal postcode postleitzahl pincode cap cep code phone tel mobile fax"
_IDS = "id ids uuid guid key rowid index nr number no num prospect identifier"
_PHONES = "phone tel telephone mobile cell fax telefon handy whatsapp telefono téléphone móvil"
_NAMES = "name firstname lastname surname vorname nachname nombre apellido nom prénom contact person"
_THINGS = "company campaign product firm account page source list event file"
_SEGMENT = "source channel country nation nationality region quelle kanal land fuente canal pais pays"
_SENSITIVE = (
    "gender sex geschlecht genre sexe age alter edad âge birth birthdate birthday nationality citizenship "
    "nationalität religion ethnicity race disability marital health pregnancy union political"
)
_EARLIER = "previous prev prior past former earlier vorher vorige anterior précédent poutcome pdays"

_PERSONAL_STATUS = "marital employment occupation visa residence residency family housing tax legal business"

CODE_WORDS = frozenset(_CODES.split())
"""Headers whose digits are codes, not amounts."""
ID_WORDS = frozenset(_IDS.split())
PHONE_WORDS = frozenset(_PHONES.split())
NAME_WORDS = frozenset(_NAMES.split())
THING_WORDS = frozenset(_THINGS.split())
"""Headers that make a “name” the name of a thing."""
SENSITIVE_WORDS = frozenset(_SENSITIVE.split())
SEGMENT_WORDS = frozenset(_SEGMENT.split())
"""Headers of categories whose values come from different places and may break or change one at a time."""
EARLIER_WORDS = frozenset(_EARLIER.split())
"""Headers that speak of a time before this lead."""
PERSONAL_STATUS_WORDS = frozenset(_PERSONAL_STATUS.split())
"""Headers whose “status” or “stage” is the person's or the firm's, not the lead's."""
