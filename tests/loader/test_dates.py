"""Dates of files: each shape names one day, or is refused with advice."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from ingest.loader.reading.dates import BadDate, Dates, is_date_format

NOON = "2018-02-01T12:00:00+00:00"
MIDNIGHT = "2018-02-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2018-02-01", MIDNIGHT),
        ("2018/2/1", MIDNIGHT),
        ("2018-2-1", MIDNIGHT),
        ("20180201", MIDNIGHT),
        ("01.02.2018", MIDNIGHT),
        ("1.2.2018", MIDNIGHT),
        ("Feb 1, 2018", MIDNIGHT),
        ("February 1, 2018", MIDNIGHT),
        ("1 February 2018", MIDNIGHT),
        ("Thursday, 1 February 2018", MIDNIGHT),
        ("2018-02-01 12:00:00", NOON),
        ("2018-02-01  12:00", NOON),
        ("2018/02/01 12:00:00", NOON),
        ("20180201120000", NOON),
        ("1.2.2018 12:00", NOON),
        ("February 1, 2018 12:00 PM", NOON),
        ("2018-02-01T12:00:00Z", NOON),
        ("2018-02-01 12:00:00 UTC", NOON),
        ("2018-02-01 12:00:00 +0000", NOON),
        ("2018-02-01T12:00:00.000Z", NOON),
        ("Thu, 01 Feb 2018 12:00:00 GMT", NOON),
        ("Thu, 1 Feb 2018 12:00:00", NOON),
        ("Thu Feb  1 12:00:00 2018", NOON),
        ("Thu Feb 01 12:00:00 +0000 2018", NOON),
        ("Thu, 01 Feb 2018 07:00:00 EST", "2018-02-01T07:00:00-05:00"),
        ("Thu, 01 Feb 2018 13:00:00 +0100 (CET)", "2018-02-01T13:00:00+01:00"),
        ("2018/2/1 13:00:00 +01:00", "2018-02-01T13:00:00+01:00"),
        ("2018-02-01T12:00:00+05:30", "2018-02-01T12:00:00+05:30"),
    ],
)
def test_a_shape_that_names_one_day_is_understood(text: str, read: str) -> None:
    assert Dates().read(text) == read


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("2015", "unix"),
        ("0", "unix"),
        (0, "unix"),
        (1424300400, "unix"),
        ("1424300400", "unix"),
        ("1424300400123", "unix"),
        ("201512", "unix"),
        ("20191399", "unix"),
        ("2015-02", "--date-format"),
        ("2015-02-30", "--date-format"),
        ("yesterday", "--date-format"),
        ("12/31/2019", "day or month first"),
        ("1-2-2019 10:00", "day or month first"),
        ("18.02.15", "--date-format"),
        ("Thu, 01 Feb 2018 12:00:00 CET", "--date-format"),
        ("2018-02-01 12:00:00 Berlin", "--date-format"),
        (True, "--date-format"),
        ({"$date": 1}, "--date-format"),
        (["2018-02-01"], "--date-format"),
    ],
)
def test_a_shape_that_may_mean_another_day_is_refused_with_advice(
    value: object, advice: str
) -> None:
    with pytest.raises(BadDate, match=advice):
        Dates().read(value)


@pytest.mark.parametrize(
    ("zone", "text", "read"),
    [
        ("Europe/Berlin", "2018-02-01", "2018-01-31T23:00:00+00:00"),
        ("Europe/Berlin", "2018-07-01 12:00", "2018-07-01T10:00:00+00:00"),
        ("America/New_York", "2/1/2018", "2018-02-01T05:00:00+00:00"),
        ("Europe/Berlin", "2018-10-28 02:30", "2018-10-28T00:30:00+00:00"),
    ],
)
def test_a_date_without_a_zone_is_in_the_zone_that_is_meant(
    zone: str, text: str, read: str
) -> None:
    format_ = "%m/%d/%Y" if "/" in text else None
    assert Dates(ZoneInfo(zone), format_).read(text) == read


def test_a_zone_does_not_move_a_date_that_has_one() -> None:
    assert Dates(ZoneInfo("Asia/Tokyo")).read(NOON) == NOON


@pytest.mark.parametrize(
    ("format_", "value", "read"),
    [
        ("%d/%m/%Y", "01/02/2018", MIDNIGHT),
        ("%m/%d/%Y %H.%M", "2/1/2018 12.00", NOON),
        ("%Y", "2018", "2018-01-01T00:00:00+00:00"),
        ("unix", 1517486400, NOON),
        ("unix", "1517486400", NOON),
        ("unix-ms", "1517486400000", NOON),
        ("%d.%m.%y", "01.02.18", MIDNIGHT),
    ],
)
def test_a_format_reads_what_is_not_understood_by_itself(
    format_: str, value: object, read: str
) -> None:
    assert Dates(format=format_).read(value) == read


@pytest.mark.parametrize(
    ("format_", "value"),
    [
        ("unix", "nan"),
        ("unix", "inf"),
        ("unix", 10**14),
        ("unix", True),
        ("%d/%m/%Y", "2018-02-01"),
    ],
)
def test_what_does_not_fit_the_format_is_refused(format_: str, value: object) -> None:
    with pytest.raises(BadDate, match="has not the shape of --date-format"):
        Dates(format=format_).read(value)


def test_dates_of_parquet_get_the_zone_too() -> None:
    berlin = Dates(ZoneInfo("Europe/Berlin"))
    assert berlin.read(date(2018, 2, 1)) == "2018-01-31T23:00:00+00:00"
    with pytest.raises(BadDate, match="years 1 to 9999"):
        berlin.read(datetime(1, 1, 1))


@pytest.mark.parametrize("format_", ["%d.%m.", "%H:%M", "%Y-%m-%d %Z", "%Q", "abc", ""])
def test_a_format_without_a_year_or_with_a_zone_that_is_ignored_is_none(format_: str) -> None:
    assert not is_date_format(format_)
