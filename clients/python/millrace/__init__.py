"""Clients of the Millrace gateway: its simple API and its admin API."""

from .admin import MillraceAdmin
from .errors import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    ForbiddenError,
    InvalidRequestError,
    LimitError,
    MillraceError,
    NotFoundError,
    ServerError,
)
from .simple import Millrace

__all__ = [
    "AuthenticationError",
    "ConflictError",
    "ConnectionFailedError",
    "ForbiddenError",
    "InvalidRequestError",
    "LimitError",
    "Millrace",
    "MillraceAdmin",
    "MillraceError",
    "NotFoundError",
    "ServerError",
]
