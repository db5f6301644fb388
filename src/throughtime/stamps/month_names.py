"""Names of the months, as tables of several languages write them."""

import unicodedata

NAMES = (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "jan feb mar apr may jun jul aug sept oct nov dec",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "jan feb mär apr mai jun jul aug sep okt nov dez",
    "jan feb mrz apr mai jun jul aug sep okt nov dez",
    "januar februar mars april mai juni juli august september oktober november desember",
    "jan feb mar apr mai jun jul aug sep okt nov des",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar marts april maj juni juli august september oktober november december",
    "jan feb mar apr maj jun jul aug sep okt nov dec",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "janv févr mars avr mai juin juil août sept oct nov déc",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ene feb mar abr may jun jul ago sep oct nov dic",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
    "dicembre",
    "gen feb mar apr mag giu lug ago set ott nov dic",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "jan fev mar abr mai jun jul ago set out nov dez",
)
LISTS = tuple(tuple(names.split()) for names in NAMES)


def plain(name: str) -> str:
    """A name in small letters, without accents and a point at its end."""
    letters = unicodedata.normalize("NFKD", name.lower().rstrip("."))
    return "".join(c for c in letters if not unicodedata.combining(c))


MONTHS = {plain(name): i + 1 for names in LISTS for i, name in enumerate(names)}
"""The number of each month by its plain name; no name means two months."""


def all_names(seen: list[str]) -> tuple[str, ...]:
    """The twelve names of the language and the case in which some of them were written.

    Examples
    --------
    >>> all_names(["Jul", "Aug"])[:3]
    ('Jan', 'Feb', 'Mar')
    >>> all_names(["OKT."])[8:]
    ('SEP.', 'OKT.', 'NOV.', 'DEZ.')
    """
    written = {MONTHS[plain(name)]: name.rstrip(".") for name in seen}
    numbers = {plain(name): MONTHS[plain(name)] for name in seen}
    language = next(
        (names for names in LISTS if all(plain(names[m - 1]) == n for n, m in numbers.items())),
        LISTS[1],
    )
    one = next(iter(written.values()))
    case = str.upper if one.isupper() and len(one) > 1 else str
    case = str.title if one.istitle() else case
    end = "." * any(name.endswith(".") for name in seen)
    return tuple(written.get(i + 1, case(name)) + end for i, name in enumerate(language))
