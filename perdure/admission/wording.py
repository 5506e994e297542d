"""The words of `perdure.contract.wording`, for callers that know them under this name."""

from perdure.contract.wording import describe, listed, meant, quoted

__all__ = ["describe", "listed", "meant", "quoted"]
