"""What only some users need is an extra of automl-core; who uses a part whose extra is missing is told its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

DISTRIBUTION = "automl-core"
"""The distribution whose extras these are."""

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "catboost": ("catboost",),
    "kubernetes": ("aiohttp", "kubernetes_asyncio"),
    "maxcompute": ("odps",),
    "mlp": ("sklearn",),
    "notebook": ("matplotlib", "pandas"),
    "onnx": ("onnx", "onnxruntime"),
    "s3": ("boto3", "botocore", "s3transfer"),
    "search": ("numpy", "scipy", "threadpoolctl"),
    "series": ("lightgbm", "numpy", "pyarrow", "scipy", "statsforecast", "statsmodels"),
    "serving": ("fastapi", "numpy", "prometheus_client", "scipy", "starlette", "uvicorn"),
    "sql": ("numpy", "sqlglot"),
    "tables": ("pyarrow",),
    "tabular": ("lightgbm", "numpy", "pyarrow", "scipy", "sklearn", "skops", "threadpoolctl", "xgboost"),
    "tao": ("tao_automl",),
    "tensorboard": ("google.protobuf", "tensorboard"),
}
"""Extra → the packages that automl_core imports with it, and with it alone (a test compares with the code)."""


class MissingExtra(ImportError):
    """Something was asked for that needs an extra which is not installed. The message names both."""


def extras_of(package: str) -> tuple[str, ...]:
    """The extras that bring a package, or a module of it; none for what is no extra's.

    Args:
        package: dotted name, as ``ModuleNotFoundError.name`` has it.
    """

    def same(each: str) -> bool:
        # either may be part of the other: where nothing of Google's is there, ``google`` is the name that is not found
        return f"{package}.".startswith(f"{each}.") or f"{each}.".startswith(f"{package}.")

    return tuple(extra for extra, packages in EXTRAS.items() if any(map(same, packages)))


def advice(error: BaseException, what: str = "this", extra: str | None = None) -> str | None:
    """What to install so that an import works which failed; None where no extra brings it.

    Args:
        error: as the import raised it.
        what: needs the import, in words, for the beginning of the sentence.
        extra: the one to name where several bring it.
    """
    if isinstance(error, MissingExtra):
        return str(error)
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    found = extras_of(name) if name else ()
    if not found:
        return None
    extra = extra if extra in found else found[0]
    return f"{what} needs {name}, which is not installed: it comes with the extra {extra}, as {DISTRIBUTION}[{extra}]"


@contextmanager
def needed_by(what: str, extra: str | None = None) -> Iterator[None]:
    """Imports of extras' packages, and what does them: where one is missing, its extra is named.

    Args:
        what: needs them, in words: ``a store of s3://``.
        extra: the one to name where several bring a package.

    Raises:
        MissingExtra: a package of an extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        said = advice(error, what, extra)
        if said is None:
            raise
        raise MissingExtra(said, name=error.name) from error
