"""How people can be reached: one e-mail and one phone number a person, spelt as people spell them.

Both are unique: a person's number, spread by a multiplication that has an inverse, is in each of them.
Taken to lower case and to digits (with 00 for + and 0 for the Emirates' own code), they are the same again.
"""

from __future__ import annotations

import numpy as np

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.dirt import Cells
from leadscoring.simulation.draws import Codes, Floats, draw_levels_at, hashed
from leadscoring.simulation.fields import REGION_OF_NATIONALITY

EMAIL, PHONE = "Email", "Phone"
# Six mobile operators of the Emirates with seven digits each; the multipliers share no
# factor with it, so that no two persons share a number.
PHONE_NUMBERS, SPREAD, EMAIL_SPREAD = 60_000_000, 27_644_437, 17_624_813
OPERATORS = ("50", "52", "54", "55", "56", "58")
HOME_CODES = ("91", "966", "20", "44", "7", "234", "86", "1")
HOME_STARTS = ("98", "5", "10", "77", "91", "80", "139", "21")
NO_EMAIL, NO_PHONE, IN_EMIRATES = 0.05, 0.04, 0.6
LOCAL = 5
# As it is, Capitalised, UPPER case.
EMAIL_CASES = (0.93, 0.05, 0.02)
# +971 50 123 4567 · +971501234567 · 00971501234567 · +971-50-123-4567 · (+971) 50 1234567 · 050 123 4567
PHONE_STYLES = (0.38, 0.32, 0.10, 0.10, 0.06, 0.04)


def contact_cells(seed: int, person: Codes, nationality: Codes, again: bool = False) -> dict[str, Cells]:
    """E-mail and phone of persons (their numbers from 1 on, at most 60 million); blank where they gave none.

    nationality: as they are, nobody's missing. again: spelt otherwise than the first time, e-mail in another
    case and phone in another style.
    """
    region = REGION_OF_NATIONALITY[nationality]
    no_email = hashed(seed, "no email", person) < NO_EMAIL
    no_phone = (hashed(seed, "no phone", person) < NO_PHONE) & ~no_email
    case = draw_levels_at(hashed(seed, "email case", person), EMAIL_CASES)
    style = draw_levels_at(hashed(seed, "phone style", person), PHONE_STYLES)
    home = hashed(seed, "phone home", person) >= IN_EMIRATES
    style = np.where(home & (style == LOCAL), 0, style)
    if again:
        case = (case + 1 + (hashed(seed, "email again", person) < 0.3)) % len(EMAIL_CASES)
        step = 1 + np.floor(3.0 * hashed(seed, "phone again", person)).astype(np.int64)
        style = (style + step) % LOCAL
    emails = np.array(_emails(seed, person, case), dtype=object)
    phones = np.array(_phones(_spread(seed, person, SPREAD), np.where(home, region, -1), style), dtype=object)
    emails[no_email], phones[no_phone] = "", ""
    return {EMAIL: emails, PHONE: phones}


def _spread(seed: int, person: Codes, multiplier: int) -> Codes:
    return np.asarray((person * multiplier + seed % 999_983) % PHONE_NUMBERS, dtype=np.int64)


def _emails(seed: int, person: Codes, case: Codes) -> list[str]:
    def pick(purpose: str, size: int) -> list[int]:
        drawn: Floats = hashed(seed, purpose, person)
        return [int(at) for at in np.floor(drawn * size)]

    joints = (".", "", "_", ".")
    spellings = (str, _capitalised, str.upper)
    return [
        spellings[how](
            f"{c.FIRST_NAMES[first]}{joints[joint]}{c.LAST_NAMES[last]}{number}@{c.MAIL_DOMAINS[domain]}"
        )
        for how, first, joint, last, number, domain in zip(
            case.tolist(),
            pick("first name", len(c.FIRST_NAMES)),
            pick("email joint", len(joints)),
            pick("last name", len(c.LAST_NAMES)),
            _spread(seed, person, EMAIL_SPREAD).tolist(),
            pick("email domain", len(c.MAIL_DOMAINS)),
            strict=True,
        )
    ]


def _capitalised(email: str) -> str:
    local, _, domain = email.partition("@")
    return f"{'.'.join(part.capitalize() for part in local.split('.'))}@{domain.capitalize()}"


def _phones(number: Codes, home: Codes, style: Codes) -> list[str]:
    cells = []
    for digits, region, how in zip(number.tolist(), home.tolist(), style.tolist(), strict=True):
        if region < 0:
            code, start, rest = "971", OPERATORS[digits // 10_000_000], f"{digits % 10_000_000:07d}"
        else:
            code, start, rest = HOME_CODES[region], HOME_STARTS[region], f"{digits:08d}"
        if how == 0:
            cells.append(f"+{code} {start} {rest[:3]} {rest[3:]}")
        elif how == 1:
            cells.append(f"+{code}{start}{rest}")
        elif how == 2:
            cells.append(f"00{code}{start}{rest}")
        elif how == 3:
            cells.append(f"+{code}-{start}-{rest[:3]}-{rest[3:]}")
        elif how == 4:
            cells.append(f"(+{code}) {start} {rest}")
        else:
            cells.append(f"0{start} {rest[:3]} {rest[3:]}")
    return cells
