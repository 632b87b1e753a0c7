"""MaxCompute's functions where DuckDB has none of that name, or one that means something else."""

from __future__ import annotations

import re

RENAMED = {
    # In MaxCompute these are the population's; in DuckDB the sample's.
    "stddev": "stddev_pop",
    "variance": "var_pop",
    "bigint": "mc_bigint",
    "getdate": "mc_getdate",
    "dateadd": "mc_dateadd",
    "datediff": "mc_datediff",
    "datetrunc": "mc_datetrunc",
    "datepart": "mc_datepart",
    "to_char": "mc_to_char",
    "to_date": "mc_to_date",
    "unix_timestamp": "mc_unix_timestamp",
    "from_unixtime": "mc_from_unixtime",
    "trunc": "mc_trunc",
    "tolower": "lower",
    "toupper": "upper",
    "lengthb": "mc_lengthb",
    "length": "mc_length",
    "char_matchcount": "mc_char_matchcount",
    "weekday": "mc_weekday",
    "sample": "mc_sample",
    "percentile": "quantile_cont",
}
"""Functions by their MaxCompute name; ``mc_…`` are the macros below."""

_FORMATS = [
    ("yyyy", "%Y"),
    ("mm", "%m"),
    ("dd", "%d"),
    ("hh24", "%H"),
    ("hh", "%H"),
    ("mi", "%M"),
    ("ss", "%S"),
    ("ff3", "%g"),
]


def to_strftime(pattern: str) -> str:
    """A date format of MaxCompute (``yyyy-mm-dd hh:mi:ss``) as one of strftime."""
    for theirs, ours in _FORMATS:
        # No replacement contains what a later one looks for: they are one letter behind a sign.
        pattern = re.sub(theirs, ours, pattern, flags=re.IGNORECASE)
    return pattern


_PART = "CASE lower(part) WHEN 'yyyy' THEN 'year' WHEN 'mm' THEN 'month' WHEN 'dd' THEN 'day' WHEN 'hh' THEN 'hour' WHEN 'mi' THEN 'minute' WHEN 'ss' THEN 'second' WHEN 'ff3' THEN 'millisecond' ELSE lower(part) END"  # noqa: E501

MACROS = [
    # A cast to a whole number cuts off what DuckDB would round.
    """mc_bigint(x) AS CASE
         WHEN typeof(x) IN ('DOUBLE', 'FLOAT') OR starts_with(typeof(x), 'DECIMAL')
           THEN CAST(trunc(TRY_CAST(x AS DOUBLE)) AS BIGINT)
         WHEN typeof(x) = 'VARCHAR' AND contains(CAST(x AS VARCHAR), '.')
           THEN CAST(trunc(CAST(CAST(x AS VARCHAR) AS DOUBLE)) AS BIGINT)
         ELSE CAST(x AS BIGINT) END""",
    "mc_getdate() AS CAST(date_trunc('second', now()) AS TIMESTAMP)",
    f"""mc_dateadd(d, n, part) AS CAST(d AS TIMESTAMP) + CASE {_PART}
         WHEN 'year' THEN to_years(CAST(n AS INTEGER)) WHEN 'month' THEN to_months(CAST(n AS INTEGER))
         WHEN 'day' THEN to_days(CAST(n AS INTEGER)) WHEN 'hour' THEN to_hours(CAST(n AS BIGINT))
         WHEN 'minute' THEN to_minutes(CAST(n AS BIGINT)) ELSE to_seconds(CAST(n AS DOUBLE)) END""",
    f"""mc_datediff(a, b) AS date_diff('day', CAST(b AS TIMESTAMP), CAST(a AS TIMESTAMP)),
        (a, b, part) AS date_diff({_PART}, CAST(b AS TIMESTAMP), CAST(a AS TIMESTAMP))""",
    f"mc_datetrunc(d, part) AS CAST(date_trunc({_PART}, CAST(d AS TIMESTAMP)) AS TIMESTAMP)",
    f"mc_datepart(d, part) AS date_part({_PART}, CAST(d AS TIMESTAMP))",
    "mc_to_char(d) AS CAST(d AS VARCHAR)",
    "mc_to_date(s) AS CAST(s AS DATE)",
    "mc_unix_timestamp() AS CAST(epoch(now()) AS BIGINT), (d) AS CAST(epoch(CAST(d AS TIMESTAMP)) AS BIGINT)",
    "mc_from_unixtime(n) AS CAST(to_timestamp(CAST(n AS DOUBLE)) AS TIMESTAMP)",
    "mc_trunc(x) AS trunc(x), (x, n) AS trunc(x * pow(10, n)) / pow(10, n)",
    "mc_lengthb(s) AS octet_length(encode(CAST(s AS VARCHAR)))",
    # Code points, as MaxCompute counts; DuckDB's length() does the same, but not of numbers.
    "mc_length(s) AS length(CAST(s AS VARCHAR))",
    "mc_char_matchcount(a, b) AS len(list_filter(string_split(a, ''), lambda c: contains(b, c)))",
    "mc_weekday(d) AS (dayofweek(CAST(d AS TIMESTAMP)) + 6) % 7",
    "mc_sample(n, k) AS random() * n < k",
]
