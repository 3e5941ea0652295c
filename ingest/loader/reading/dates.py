"""The dates of files: which shapes are understood, and in which time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from itertools import product

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers that count from 1970, by the value of --date-format.
UNITS = {"unix": timedelta(seconds=1), "unix-ms": timedelta(milliseconds=1)}

# Each names its day in one way only. "1/2/2019" does not: it is a day in January or in February.
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
SHAPES = (
    *map("".join, product(DAYS, TIMES, ("", " %z"))),
    *("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y"),  # of C, and of Twitter
)
# By their number. `strptime` would also read six digits as a year and two single digits.
DIGITS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
NO_DAY = "-"  # a format that no digits have
# The zones that RFC 2822 gives an offset; Python reads any other name as no zone at all.
RFC_2822 = re.compile(
    r"([A-Z][a-z]{2},? )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(:\d\d)? "
    r"(UTC?|GMT|[ECMP][SD]T|[+-]\d{4})( \([A-Z]+\))?"
)
WEEKDAY = re.compile(r"^[A-Z][a-z]{2,8}, ")
BLANK_BEFORE_OFFSET = re.compile(r"(\d) (?=[+-]\d\d:?\d\d$)")
UTC_NAME = re.compile(r" ?(UTC|GMT)$")
DAY_OR_MONTH_FIRST = re.compile(r"\d{1,2}([/-])\d{1,2}\1\d{2,4}\b")

OUT_OF_RANGE = "is not in the years 1 to 9999"
SHOWN_CHARACTERS = 40  # of a text that is no date


class BadDate(Exception):
    """A text or a number is no date that is understood; the message says what to do."""


@dataclass(frozen=True)
class Dates:
    """
    How dates are read.

    Args:
        zone: of dates that name none.
        format: of `strptime`, or a key of UNITS. Without it, SHAPES and ISO 8601 are understood.
    """

    zone: tzinfo = UTC
    format: str | None = None

    def read(self, value: object) -> str:
        """
        Return a date as ISO 8601 with an offset.

        Raises:
            BadDate: it is not understood, or beyond the years 1 to 9999.
        """
        try:
            return self._in_zone(self._parse(value)).isoformat()
        except (ValueError, OverflowError) as error:
            raise BadDate(_advice(value, self.format)) from error

    def _parse(self, value: object) -> datetime:
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime.combine(value, time())
        if self.format in UNITS:
            return EPOCH + float(str(value)) * UNITS[self.format]
        if not isinstance(value, str):
            raise ValueError
        text = " ".join(value.split())
        return datetime.strptime(text, self.format) if self.format else _of_any_shape(text)

    def _in_zone(self, moment: datetime) -> datetime:
        """Give a moment without a zone ours; of an hour that the clocks repeat, the first."""
        if moment.tzinfo:
            return moment
        return moment.replace(tzinfo=self.zone).astimezone(UTC)


def _of_any_shape(text: str) -> datetime:
    if text.isdecimal():
        return datetime.strptime(text, DIGITS.get(len(text), NO_DAY))
    if RFC_2822.fullmatch(text):
        return parsedate_to_datetime(text)
    text = UTC_NAME.sub("+00:00", WEEKDAY.sub("", text))
    try:
        return datetime.fromisoformat(BLANK_BEFORE_OFFSET.sub(r"\1", text))
    except ValueError:
        return _strptime(text)


def _strptime(text: str) -> datetime:
    for shape in SHAPES:
        try:
            return datetime.strptime(text, shape)
        except ValueError:
            continue
    raise ValueError


def _advice(value: object, format_: str | None) -> str:
    """Return why a value is no date, and what to do."""
    shown = repr(value)[:SHOWN_CHARACTERS] if isinstance(value, str) else str(value)
    if isinstance(value, date):
        return OUT_OF_RANGE
    if format_:
        return f"{shown} has not the shape of --date-format {format_}"
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().isdecimal()):
        return f"{shown} is a number, so give --date-format unix, unix-ms or its shape"
    if isinstance(value, str) and DAY_OR_MONTH_FIRST.match(value.strip()):
        return f"{shown} is day or month first: give --date-format %d/%m/%Y or %m/%d/%Y"
    return f"{shown} is no date that is understood, so give its shape with --date-format"


def is_date_format(format_: str) -> bool:
    """Return whether `strptime` reads a year by a format, and ignores no part of it."""
    day = datetime(2019, 12, 31, tzinfo=UTC)
    other = day.replace(year=2013)  # with the same weekdays: only the year differs
    try:
        # Python warns of a day without a year, and will refuse it.
        if day.strftime(format_) == other.strftime(format_):
            return False
        return datetime.strptime(day.strftime(format_), format_).year == day.year and (
            "%Z" not in format_  # Python reads it and ignores it
        )
    except ValueError:
        return False
