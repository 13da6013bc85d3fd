"""The simple API of a gateway. Written by scripts/make-clients.ts from what the gateway says of itself; changes here are lost."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Literal, Optional, TypedDict, Union, cast
from urllib.parse import quote

from ._connection import Connection, given

ChatAnswer = TypedDict(
    "ChatAnswer",
    {
        "response": "str",
        "conversation_id": "str",
    },
)

ChatBody = TypedDict(
    "ChatBody",
    {
        "message": "str",
        "messages": "List[OpenaiMessage]",
        "conversation_id": "str",
        "model": "str",
        "max_tokens": "int",
        "temperature": "float",
    },
    total=False,
)

_CompleteBodyNeeds = TypedDict(
    "_CompleteBodyNeeds",
    {
        "query": "str",
    },
)

_CompleteBodyMay = TypedDict(
    "_CompleteBodyMay",
    {
        "context": "str",
        "model": "str",
        "max_tokens": "int",
        "temperature": "float",
    },
    total=False,
)

class CompleteBody(_CompleteBodyNeeds, _CompleteBodyMay):
    pass


_DependenciesAnswerDependenciesItemNeeds = TypedDict(
    "_DependenciesAnswerDependenciesItemNeeds",
    {
        "name": "str",
        "state": "Literal[\"there\", \"away\"]",
        "since": "str",
    },
)

_DependenciesAnswerDependenciesItemMay = TypedDict(
    "_DependenciesAnswerDependenciesItemMay",
    {
        "note": "str",
    },
    total=False,
)

class DependenciesAnswerDependenciesItem(_DependenciesAnswerDependenciesItemNeeds, _DependenciesAnswerDependenciesItemMay):
    pass


DependenciesAnswerUpstreams = TypedDict(
    "DependenciesAnswerUpstreams",
    {
        "up": "int",
        "down": "int",
        "unknown": "int",
    },
)

DependenciesAnswer = TypedDict(
    "DependenciesAnswer",
    {
        "status": "Literal[\"well\", \"degraded\"]",
        "dependencies": "List[DependenciesAnswerDependenciesItem]",
        "upstreams": "DependenciesAnswerUpstreams",
    },
)

EmbeddingsBody = TypedDict(
    "EmbeddingsBody",
    {
        "input": "Union[str, List[str]]",
        "text": "Union[str, List[str]]",
        "prompt": "Union[str, List[str]]",
        "model": "str",
        "dimensions": "int",
        "encoding_format": "Literal[\"float\", \"base64\"]",
    },
    total=False,
)

_GenerateBodyNeeds = TypedDict(
    "_GenerateBodyNeeds",
    {
        "prompt": "str",
    },
)

_GenerateBodyMay = TypedDict(
    "_GenerateBodyMay",
    {
        "model": "str",
        "max_tokens": "int",
        "temperature": "float",
        "stream": "bool",
    },
    total=False,
)

class GenerateBody(_GenerateBodyNeeds, _GenerateBodyMay):
    pass


HealthAnswerUpstreamsItem = TypedDict(
    "HealthAnswerUpstreamsItem",
    {
        "name": "str",
        "state": "Literal[\"unknown\", \"up\", \"down\"]",
    },
)

HealthAnswer = TypedDict(
    "HealthAnswer",
    {
        "status": "Literal[\"healthy\", \"unhealthy\"]",
        "upstreams": "List[HealthAnswerUpstreamsItem]",
    },
)

OpenaiMessageContent2Item = TypedDict(
    "OpenaiMessageContent2Item",
    {
        "type": "str",
    },
)

OpenaiMessageTool_callsItemFunction = TypedDict(
    "OpenaiMessageTool_callsItemFunction",
    {
        "name": "str",
        "arguments": "str",
    },
)

_OpenaiMessageTool_callsItemNeeds = TypedDict(
    "_OpenaiMessageTool_callsItemNeeds",
    {
        "function": "OpenaiMessageTool_callsItemFunction",
    },
)

_OpenaiMessageTool_callsItemMay = TypedDict(
    "_OpenaiMessageTool_callsItemMay",
    {
        "id": "str",
        "type": "Literal[\"function\"]",
    },
    total=False,
)

class OpenaiMessageTool_callsItem(_OpenaiMessageTool_callsItemNeeds, _OpenaiMessageTool_callsItemMay):
    pass


_OpenaiMessageNeeds = TypedDict(
    "_OpenaiMessageNeeds",
    {
        "role": "Literal[\"user\", \"assistant\", \"system\", \"developer\", \"tool\"]",
    },
)

_OpenaiMessageMay = TypedDict(
    "_OpenaiMessageMay",
    {
        "content": "Union[str, List[OpenaiMessageContent2Item], None]",
        "name": "str",
        "tool_call_id": "str",
        "tool_calls": "List[OpenaiMessageTool_callsItem]",
        "reasoning_content": "str",
    },
    total=False,
)

class OpenaiMessage(_OpenaiMessageNeeds, _OpenaiMessageMay):
    pass


OpenaiVectorsDataItem = TypedDict(
    "OpenaiVectorsDataItem",
    {
        "object": "Literal[\"embedding\"]",
        "index": "int",
        "embedding": "Union[List[float], str]",
    },
)

OpenaiVectorsUsage = TypedDict(
    "OpenaiVectorsUsage",
    {
        "prompt_tokens": "int",
        "total_tokens": "int",
    },
)

OpenaiVectors = TypedDict(
    "OpenaiVectors",
    {
        "object": "Literal[\"list\"]",
        "data": "List[OpenaiVectorsDataItem]",
        "model": "str",
        "usage": "OpenaiVectorsUsage",
    },
)

ReadyzAnswer = TypedDict(
    "ReadyzAnswer",
    {
        "status": "Literal[\"ready\", \"starting\", \"full\", \"draining\"]",
        "degraded": "List[str]",
    },
)

TextAnswer = TypedDict(
    "TextAnswer",
    {
        "response": "str",
    },
)

TokenEvent = TypedDict(
    "TokenEvent",
    {
        "token": "str",
    },
)


class Millrace:
    """The simple API of a gateway.

    ``timeout`` is in seconds and holds for each wait for the gateway. ``retries`` says how often a request is sent again
    when the gateway could not be reached or was busy; what changes something carries an Idempotency-Key then.
    """

    def __init__(
        self,
        url: str,
        key: Optional[str] = None,
        *,
        timeout: float = 600.0,
        retries: int = 0,
    ) -> None:
        connection = Connection(url, key, timeout=timeout, retries=retries)
        self._connection = connection


    def generate(
        self,
        *,
        prompt: str,
        model: Optional[str] = None,
        max_tokens: Optional[int] = None,
        temperature: Optional[float] = None,
        idempotency_key: Optional[str] = None,
    ) -> TextAnswer:
        """A prompt in, a text out"""
        return cast("TextAnswer", self._connection.json("POST", '/generate', body=given({"prompt": prompt, "model": model, "max_tokens": max_tokens, "temperature": temperature}), idempotency_key=idempotency_key))

    def generate_stream(
        self,
        *,
        prompt: str,
        model: Optional[str] = None,
        max_tokens: Optional[int] = None,
        temperature: Optional[float] = None,
        idempotency_key: Optional[str] = None,
    ) -> Iterator[str]:
        """A prompt in, a text out: word by word"""
        for event in self._connection.events("POST", '/generate', body=given({"prompt": prompt, "model": model, "max_tokens": max_tokens, "temperature": temperature, "stream": True}), idempotency_key=idempotency_key):
            yield event["token"]

    def complete(
        self,
        *,
        query: str,
        context: Optional[str] = None,
        model: Optional[str] = None,
        max_tokens: Optional[int] = None,
        temperature: Optional[float] = None,
        idempotency_key: Optional[str] = None,
    ) -> TextAnswer:
        """A question in, an answer out, or 504 within 30 seconds"""
        return cast("TextAnswer", self._connection.json("POST", '/api/v1/complete', body=given({"query": query, "context": context, "model": model, "max_tokens": max_tokens, "temperature": temperature}), idempotency_key=idempotency_key))

    def stream(
        self,
        *,
        query: str,
        context: Optional[str] = None,
        model: Optional[str] = None,
        max_tokens: Optional[int] = None,
        temperature: Optional[float] = None,
        idempotency_key: Optional[str] = None,
    ) -> Iterator[str]:
        """A question in, an answer out word by word"""
        for event in self._connection.events("POST", '/api/v1/stream', body=given({"query": query, "context": context, "model": model, "max_tokens": max_tokens, "temperature": temperature}), idempotency_key=idempotency_key):
            yield event["token"]

    def chat(
        self,
        *,
        message: Optional[str] = None,
        messages: Optional[List[OpenaiMessage]] = None,
        conversation_id: Optional[str] = None,
        model: Optional[str] = None,
        max_tokens: Optional[int] = None,
        temperature: Optional[float] = None,
        idempotency_key: Optional[str] = None,
    ) -> ChatAnswer:
        """A conversation that the gateway keeps"""
        return cast("ChatAnswer", self._connection.json("POST", '/chat', body=given({"message": message, "messages": messages, "conversation_id": conversation_id, "model": model, "max_tokens": max_tokens, "temperature": temperature}), idempotency_key=idempotency_key))

    def embeddings(
        self,
        *,
        input: Optional[Union[str, List[str]]] = None,
        text: Optional[Union[str, List[str]]] = None,
        prompt: Optional[Union[str, List[str]]] = None,
        model: Optional[str] = None,
        dimensions: Optional[int] = None,
        encoding_format: Optional[Literal["float", "base64"]] = None,
        idempotency_key: Optional[str] = None,
    ) -> OpenaiVectors:
        """Vectors of texts"""
        return cast("OpenaiVectors", self._connection.json("POST", '/embeddings', body=given({"input": input, "text": text, "prompt": prompt, "model": model, "dimensions": dimensions, "encoding_format": encoding_format}), idempotency_key=idempotency_key))

    def readyz(
        self,
    ) -> ReadyzAnswer:
        """Whether it takes work"""
        return cast("ReadyzAnswer", self._connection.json("GET", '/readyz'))

    def health(
        self,
    ) -> HealthAnswer:
        """Whether it takes work and some upstream is there"""
        return cast("HealthAnswer", self._connection.json("GET", '/health'))

    def dependencies(
        self,
    ) -> DependenciesAnswer:
        """What it stands on and since when; 404 where metrics are for another listener"""
        return cast("DependenciesAnswer", self._connection.json("GET", '/healthz/deps'))
