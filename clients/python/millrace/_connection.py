"""The way to a gateway: one request at a time, with the standard library alone. Knows no operation."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple, Union
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .errors import ConnectionFailedError, MillraceError, kind_of

_RETRIES_MAX = 10
# Who asks us to wait longer than this is not waited for.
_WAIT_SECONDS_MAX = 30.0
_EVENT_BYTES_MAX = 4 * 1024 * 1024
_BUSY = frozenset((408, 429, 502, 503, 504))


def given(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Without what nobody gave."""
    return {name: value for name, value in fields.items() if value is not None}


class _NoRedirects(HTTPRedirectHandler):
    """Elsewhere nobody should get the key."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Connection:
    def __init__(self, url: str, key: Optional[str], *, timeout: float, retries: int) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout
        self._retries = min(retries, _RETRIES_MAX)
        self._opener = build_opener(_NoRedirects)

    def json(self, method: str, path: str, **options: Any) -> Any:
        text = self.text(method, path, **options)
        return json.loads(text) if text else None

    def text(self, method: str, path: str, **options: Any) -> str:
        with self._answer(method, path, **options) as answer:
            try:
                text: str = answer.read().decode("utf-8")
                return text
            except (OSError, http.client.HTTPException) as broken:
                raise _cut() from broken

    def events(self, method: str, path: str, **options: Any) -> Iterator[Any]:
        """What each event holds, until the stream says that it is over."""
        with self._answer(method, path, **options) as answer:
            while True:
                try:
                    line = answer.readline(_EVENT_BYTES_MAX)
                except (OSError, http.client.HTTPException) as broken:
                    raise _cut() from broken
                if not line.endswith(b"\n"):
                    raise _cut()
                text = line.decode("utf-8").strip()
                if text == "data: [DONE]":
                    return
                if text.startswith("data: "):
                    yield _read(json.loads(text[len("data: ") :]))

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Mapping[str, Any]] = None,
        if_match: Optional[Union[str, int]] = None,
        idempotency_key: Optional[str] = None,
    ) -> Any:
        if idempotency_key is None and self._retries > 0 and method == "POST":
            idempotency_key = str(uuid.uuid4())
        headers = self._headers(body, if_match, idempotency_key)
        asked = given(query or {})
        url = self._url + path + ("?" + urlencode(asked) if asked else "")
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(self._retries + 1):
            try:
                request = Request(url, data=data, headers=headers, method=method)
                return self._opener.open(request, timeout=self._timeout)
            except HTTPError as refused:
                failure, helps = _failure_of(refused)
            except (URLError, OSError, http.client.HTTPException) as lost:
                failure = ConnectionFailedError(f"there is no way to {url}: {lost}", code="connect_failed")
                failure.__cause__ = lost
                helps = True
            wait = failure.retry_after if failure.retry_after is not None else 0.25 * 2**attempt
            if attempt == self._retries or not helps or wait > _WAIT_SECONDS_MAX:
                raise failure
            time.sleep(wait)
        raise AssertionError("the last attempt ends in the loop")

    def _headers(
        self, body: Any, if_match: Optional[Union[str, int]], idempotency_key: Optional[str]
    ) -> Dict[str, str]:
        headers = {"accept": "*/*"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        if body is not None:
            headers["content-type"] = "application/json"
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"' if isinstance(if_match, int) else if_match
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        return headers


def _failure_of(answer: HTTPError) -> Tuple[MillraceError, bool]:
    """What was answered, and whether waiting helps."""
    with answer:
        text = answer.read().decode("utf-8", "replace")
    # What stands before the gateway may answer in other ways than it does.
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    told = body if isinstance(body, dict) else {}
    after = answer.headers.get("retry-after")
    failure = kind_of(answer.code)(
        told.get("detail") or f"the gateway answered {answer.code}",
        code=told.get("code") or f"http_{answer.code}",
        status=answer.code,
        retry_after=float(after) if after is not None and after.isdigit() else None,
        request_id=told.get("request_id") or answer.headers.get("x-request-id"),
        body=body,
    )
    return failure, answer.code in _BUSY and answer.headers.get("x-should-retry") != "false"


def _read(event: Any) -> Any:
    error = event.get("error")
    if error is None:
        return event
    raise kind_of(500)(error["detail"], code=error["code"], status=500, request_id=error["id"], body=event)


def _cut() -> ConnectionFailedError:
    return ConnectionFailedError("the answer broke off", code="cut")
