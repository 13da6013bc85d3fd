"""What can go wrong, a class each: go by the class, or by ``code`` where it matters what exactly it was."""

from __future__ import annotations

from typing import Any, Dict, Optional, Type


class MillraceError(Exception):
    """``status`` is 0 where nothing was answered at all; ``retry_after`` is in seconds, where waiting helps."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 0,
        retry_after: Optional[float] = None,
        request_id: Optional[str] = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id
        self.body = body


class InvalidRequestError(MillraceError):
    """The request is not one that can be answered: 400, 413, 422 and their like."""


class AuthenticationError(MillraceError):
    """No key, or none that is known: 401."""


class ForbiddenError(MillraceError):
    """The key may not do this: 403."""


class NotFoundError(MillraceError):
    """There is no such thing: 404."""


class ConflictError(MillraceError):
    """Somebody else was faster: 409, 412, 428."""


class LimitError(MillraceError):
    """Too many requests or tokens, or a budget is spent: 429."""


class ServerError(MillraceError):
    """The gateway or what is behind it failed: 500 and above."""


class ConnectionFailedError(MillraceError):
    """Nothing was answered, or not all of it."""


_BY_STATUS: Dict[int, Type[MillraceError]] = {
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    428: ConflictError,
    429: LimitError,
}


def kind_of(status: int) -> Type[MillraceError]:
    return _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequestError)
