"""The admin API of a gateway. Written by scripts/make-clients.ts from what the gateway says of itself; changes here are lost."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Literal, Optional, TypedDict, Union, cast
from urllib.parse import quote

from ._connection import Connection

Alert = TypedDict(
    "Alert",
    {
        "name": "str",
        "waiting": "int",
        "delivered": "int",
        "lost": "int",
        "disabled": "bool",
        "lastTrouble": "str",
    },
)

AlertsListAnswer = TypedDict(
    "AlertsListAnswer",
    {
        "receivers": "List[Alert]",
    },
)

AlertsTestAnswerReceiversItem = TypedDict(
    "AlertsTestAnswerReceiversItem",
    {
        "name": "str",
        "taken": "bool",
        "says": "str",
    },
)

AlertsTestAnswer = TypedDict(
    "AlertsTestAnswer",
    {
        "receivers": "List[AlertsTestAnswerReceiversItem]",
    },
)

Audit = TypedDict(
    "Audit",
    {
        "number": "int",
        "at": "str",
        "actor": "str",
        "tenant": "str",
        "address": "str",
        "action": "str",
        "object": "str",
        "outcome": "Literal[\"begun\", \"done\", \"refused\", \"failed\"]",
        "detail": "Dict[str, Any]",
        "digest": "str",
    },
)

_AuditListAnswerNeeds = TypedDict(
    "_AuditListAnswerNeeds",
    {
        "items": "List[Audit]",
    },
)

_AuditListAnswerMay = TypedDict(
    "_AuditListAnswerMay",
    {
        "next": "int",
    },
    total=False,
)

class AuditListAnswer(_AuditListAnswerNeeds, _AuditListAnswerMay):
    pass


AuditVerifyAnswer1UpTo = TypedDict(
    "AuditVerifyAnswer1UpTo",
    {
        "number": "int",
        "digest": "str",
    },
)

AuditVerifyAnswer1 = TypedDict(
    "AuditVerifyAnswer1",
    {
        "sound": "Literal[True]",
        "upTo": "AuditVerifyAnswer1UpTo",
        "more": "bool",
    },
)

AuditVerifyAnswer2 = TypedDict(
    "AuditVerifyAnswer2",
    {
        "sound": "Literal[False]",
        "brokenAt": "int",
        "reason": "str",
    },
)

_BudgetNeeds = TypedDict(
    "_BudgetNeeds",
    {
        "name": "str",
        "per": "str",
        "holder": "str",
        "unit": "Literal[\"usd\", \"tokens\", \"requests\"]",
        "limit": "float",
        "spent": "float",
        "reserved": "float",
        "windowStart": "str",
    },
)

_BudgetMay = TypedDict(
    "_BudgetMay",
    {
        "windowEnd": "str",
    },
    total=False,
)

class Budget(_BudgetNeeds, _BudgetMay):
    pass


_BudgetsListAnswerNeeds = TypedDict(
    "_BudgetsListAnswerNeeds",
    {
        "items": "List[Budget]",
    },
)

_BudgetsListAnswerMay = TypedDict(
    "_BudgetsListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class BudgetsListAnswer(_BudgetsListAnswerNeeds, _BudgetsListAnswerMay):
    pass


ConfigApplyAnswer = TypedDict(
    "ConfigApplyAnswer",
    {
        "version": "int",
        "configId": "str",
        "outcome": "Literal[\"taken\", \"unchanged\", \"refused\"]",
        "warnings": "List[str]",
    },
)

ConfigApplyBody = TypedDict(
    "ConfigApplyBody",
    {
        "text": "str",
    },
)

_ConfigDiffAnswerChangesItemNeeds = TypedDict(
    "_ConfigDiffAnswerChangesItemNeeds",
    {
        "path": "str",
        "kind": "Literal[\"added\", \"removed\", \"changed\"]",
    },
)

_ConfigDiffAnswerChangesItemMay = TypedDict(
    "_ConfigDiffAnswerChangesItemMay",
    {
        "before": "Any",
        "after": "Any",
    },
    total=False,
)

class ConfigDiffAnswerChangesItem(_ConfigDiffAnswerChangesItemNeeds, _ConfigDiffAnswerChangesItemMay):
    pass


ConfigDiffAnswer = TypedDict(
    "ConfigDiffAnswer",
    {
        "configId": "str",
        "changes": "List[ConfigDiffAnswerChangesItem]",
        "more": "int",
        "opened": "List[str]",
        "closed": "List[str]",
        "needsRestart": "List[str]",
    },
)

ConfigHistoryAnswerItemsItem = TypedDict(
    "ConfigHistoryAnswerItemsItem",
    {
        "version": "int",
        "at": "str",
        "by": "str",
        "source": "Literal[\"file\", \"applied\", \"rollback\"]",
        "note": "str",
        "masked": "bool",
    },
)

_ConfigHistoryAnswerNeeds = TypedDict(
    "_ConfigHistoryAnswerNeeds",
    {
        "items": "List[ConfigHistoryAnswerItemsItem]",
    },
)

_ConfigHistoryAnswerMay = TypedDict(
    "_ConfigHistoryAnswerMay",
    {
        "next": "int",
    },
    total=False,
)

class ConfigHistoryAnswer(_ConfigHistoryAnswerNeeds, _ConfigHistoryAnswerMay):
    pass


_ConfigReloadAnswer1WorkersItemNeeds = TypedDict(
    "_ConfigReloadAnswer1WorkersItemNeeds",
    {
        "worker": "int",
        "configId": "str",
    },
)

_ConfigReloadAnswer1WorkersItemMay = TypedDict(
    "_ConfigReloadAnswer1WorkersItemMay",
    {
        "trouble": "str",
    },
    total=False,
)

class ConfigReloadAnswer1WorkersItem(_ConfigReloadAnswer1WorkersItemNeeds, _ConfigReloadAnswer1WorkersItemMay):
    pass


_ConfigReloadAnswer1Needs = TypedDict(
    "_ConfigReloadAnswer1Needs",
    {
        "outcome": "Literal[\"taken\", \"unchanged\"]",
        "configId": "str",
        "needsRestart": "List[str]",
        "warnings": "List[str]",
    },
)

_ConfigReloadAnswer1May = TypedDict(
    "_ConfigReloadAnswer1May",
    {
        "workers": "List[ConfigReloadAnswer1WorkersItem]",
    },
    total=False,
)

class ConfigReloadAnswer1(_ConfigReloadAnswer1Needs, _ConfigReloadAnswer1May):
    pass


_ConfigReloadAnswer2ProblemsItemNeeds = TypedDict(
    "_ConfigReloadAnswer2ProblemsItemNeeds",
    {
        "file": "str",
        "line": "int",
        "column": "int",
        "path": "str",
        "message": "str",
    },
)

_ConfigReloadAnswer2ProblemsItemMay = TypedDict(
    "_ConfigReloadAnswer2ProblemsItemMay",
    {
        "hint": "str",
    },
    total=False,
)

class ConfigReloadAnswer2ProblemsItem(_ConfigReloadAnswer2ProblemsItemNeeds, _ConfigReloadAnswer2ProblemsItemMay):
    pass


ConfigReloadAnswer2 = TypedDict(
    "ConfigReloadAnswer2",
    {
        "outcome": "Literal[\"refused\"]",
        "configId": "str",
        "problems": "List[ConfigReloadAnswer2ProblemsItem]",
    },
)

ConfigRollbackBody = TypedDict(
    "ConfigRollbackBody",
    {
        "version": "int",
    },
)

ConfigShowAnswer = TypedDict(
    "ConfigShowAnswer",
    {
        "id": "str",
        "version": "int",
        "from": "Literal[\"file\", \"applied\"]",
        "etag": "str",
        "files": "List[str]",
        "warnings": "List[str]",
        "text": "str",
        "masked": "bool",
        "config": "Dict[str, Any]",
    },
)

_ConfigValidateAnswerProblemsItemNeeds = TypedDict(
    "_ConfigValidateAnswerProblemsItemNeeds",
    {
        "file": "str",
        "line": "int",
        "column": "int",
        "path": "str",
        "message": "str",
    },
)

_ConfigValidateAnswerProblemsItemMay = TypedDict(
    "_ConfigValidateAnswerProblemsItemMay",
    {
        "hint": "str",
    },
    total=False,
)

class ConfigValidateAnswerProblemsItem(_ConfigValidateAnswerProblemsItemNeeds, _ConfigValidateAnswerProblemsItemMay):
    pass


_ConfigValidateAnswerNeeds = TypedDict(
    "_ConfigValidateAnswerNeeds",
    {
        "valid": "bool",
        "problems": "List[ConfigValidateAnswerProblemsItem]",
        "warnings": "List[str]",
    },
)

_ConfigValidateAnswerMay = TypedDict(
    "_ConfigValidateAnswerMay",
    {
        "configId": "str",
    },
    total=False,
)

class ConfigValidateAnswer(_ConfigValidateAnswerNeeds, _ConfigValidateAnswerMay):
    pass


ConfigVersionAnswer = TypedDict(
    "ConfigVersionAnswer",
    {
        "version": "int",
        "at": "str",
        "by": "str",
        "source": "Literal[\"file\", \"applied\", \"rollback\"]",
        "note": "str",
        "masked": "bool",
        "text": "str",
    },
)

ConfiguredKeyScopes = TypedDict(
    "ConfiguredKeyScopes",
    {
        "models": "List[str]",
        "routes": "List[str]",
        "addresses": "List[str]",
    },
)

ConfiguredKey = TypedDict(
    "ConfiguredKey",
    {
        "name": "str",
        "tenant": "str",
        "role": "str",
        "from": "Literal[\"data\", \"configuration\"]",
        "scopes": "ConfiguredKeyScopes",
        "expiresAt": "Union[str, None]",
    },
)

_ConfiguredKeysListAnswerNeeds = TypedDict(
    "_ConfiguredKeysListAnswerNeeds",
    {
        "auth": "Literal[\"keys\", \"jwt\", \"both\", \"none\"]",
        "keys": "List[ConfiguredKey]",
    },
)

_ConfiguredKeysListAnswerMay = TypedDict(
    "_ConfiguredKeysListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class ConfiguredKeysListAnswer(_ConfiguredKeysListAnswerNeeds, _ConfiguredKeysListAnswerMay):
    pass


ContentsShowAnswer = TypedDict(
    "ContentsShowAnswer",
    {
        "id": "str",
        "tenant": "str",
        "user": "str",
        "at": "str",
        "expiresAt": "str",
        "route": "str",
        "model": "str",
        "outcome": "str",
        "prompt": "Any",
        "answer": "str",
        "cut": "bool",
    },
)

_CostsShowAnswerTotalNeeds = TypedDict(
    "_CostsShowAnswerTotalNeeds",
    {
        "exchanges": "int",
        "tokens": "int",
        "costUsd": "float",
        "serverUsd": "float",
        "idleUsd": "float",
        "meteredUsd": "float",
    },
)

_CostsShowAnswerTotalMay = TypedDict(
    "_CostsShowAnswerTotalMay",
    {
        "usdPerExchange": "float",
        "usdPerMTokens": "float",
    },
    total=False,
)

class CostsShowAnswerTotal(_CostsShowAnswerTotalNeeds, _CostsShowAnswerTotalMay):
    pass


_CostsShowAnswerServersItemReturnsNeeds = TypedDict(
    "_CostsShowAnswerServersItemReturnsNeeds",
    {
        "cloudUsd": "float",
        "serverUsd": "float",
        "netUsd": "float",
    },
)

_CostsShowAnswerServersItemReturnsMay = TypedDict(
    "_CostsShowAnswerServersItemReturnsMay",
    {
        "ratio": "float",
        "breakEvenUtilisation": "float",
        "breakEvenDays": "float",
    },
    total=False,
)

class CostsShowAnswerServersItemReturns(_CostsShowAnswerServersItemReturnsNeeds, _CostsShowAnswerServersItemReturnsMay):
    pass


_CostsShowAnswerServersItemNeeds = TypedDict(
    "_CostsShowAnswerServersItemNeeds",
    {
        "upstream": "str",
        "monthlyUsd": "float",
        "since": "str",
        "exchanges": "int",
        "inputTokens": "int",
        "outputTokens": "int",
        "costUsd": "float",
        "utilisation": "float",
        "idleUsd": "float",
        "pricedUsd": "float",
    },
)

_CostsShowAnswerServersItemMay = TypedDict(
    "_CostsShowAnswerServersItemMay",
    {
        "usdPerExchange": "float",
        "usdPerMTokens": "float",
        "returns": "CostsShowAnswerServersItemReturns",
    },
    total=False,
)

class CostsShowAnswerServersItem(_CostsShowAnswerServersItemNeeds, _CostsShowAnswerServersItemMay):
    pass


_CostsShowAnswerMeteredItemNeeds = TypedDict(
    "_CostsShowAnswerMeteredItemNeeds",
    {
        "upstream": "str",
        "exchanges": "int",
        "inputTokens": "int",
        "outputTokens": "int",
        "costUsd": "float",
    },
)

_CostsShowAnswerMeteredItemMay = TypedDict(
    "_CostsShowAnswerMeteredItemMay",
    {
        "usdPerExchange": "float",
        "usdPerMTokens": "float",
    },
    total=False,
)

class CostsShowAnswerMeteredItem(_CostsShowAnswerMeteredItemNeeds, _CostsShowAnswerMeteredItemMay):
    pass


_CostsShowAnswerReturnsNeeds = TypedDict(
    "_CostsShowAnswerReturnsNeeds",
    {
        "against": "str",
        "cloudUsd": "float",
        "serverUsd": "float",
        "netUsd": "float",
    },
)

_CostsShowAnswerReturnsMay = TypedDict(
    "_CostsShowAnswerReturnsMay",
    {
        "ratio": "float",
    },
    total=False,
)

class CostsShowAnswerReturns(_CostsShowAnswerReturnsNeeds, _CostsShowAnswerReturnsMay):
    pass


CostsShowAnswerAdviceItem = TypedDict(
    "CostsShowAnswerAdviceItem",
    {
        "kind": "Literal[\"server-idle\", \"servers-too-large\", \"server-dearer-than-others\", \"server-priced-wrong\", \"server-unpriced\", \"billed-while-idle\", \"model-unused\"]",
        "about": "List[str]",
        "text": "str",
        "evidence": "Dict[str, Any]",
        "threshold": "Dict[str, Any]",
    },
)

_CostsShowAnswerDaysItemNeeds = TypedDict(
    "_CostsShowAnswerDaysItemNeeds",
    {
        "day": "str",
        "upstream": "str",
        "exchanges": "int",
        "inputTokens": "int",
        "outputTokens": "int",
        "costUsd": "float",
    },
)

_CostsShowAnswerDaysItemMay = TypedDict(
    "_CostsShowAnswerDaysItemMay",
    {
        "utilisation": "float",
        "idleUsd": "float",
        "pricedUsd": "float",
    },
    total=False,
)

class CostsShowAnswerDaysItem(_CostsShowAnswerDaysItemNeeds, _CostsShowAnswerDaysItemMay):
    pass


_CostsShowAnswerNeeds = TypedDict(
    "_CostsShowAnswerNeeds",
    {
        "from": "str",
        "to": "str",
        "until": "str",
        "total": "CostsShowAnswerTotal",
        "servers": "List[CostsShowAnswerServersItem]",
        "metered": "List[CostsShowAnswerMeteredItem]",
        "advice": "List[CostsShowAnswerAdviceItem]",
        "days": "List[CostsShowAnswerDaysItem]",
    },
)

_CostsShowAnswerMay = TypedDict(
    "_CostsShowAnswerMay",
    {
        "returns": "CostsShowAnswerReturns",
    },
    total=False,
)

class CostsShowAnswer(_CostsShowAnswerNeeds, _CostsShowAnswerMay):
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

Exchange = TypedDict(
    "Exchange",
    {
        "id": "str",
        "at": "str",
        "tenant": "str",
        "team": "str",
        "user": "str",
        "key": "str",
        "route": "str",
        "model": "str",
        "upstream": "str",
        "targetModel": "str",
        "outcome": "Literal[\"complete\", \"failed\", \"aborted\", \"lost\"]",
        "code": "str",
        "status": "int",
        "stream": "bool",
        "tookMs": "int",
        "firstTokenMs": "int",
        "queuedMs": "int",
        "failedTries": "int",
        "inputTokens": "int",
        "cachedInputTokens": "int",
        "outputTokens": "int",
        "reasoningTokens": "int",
        "priceVersion": "str",
        "costUsd": "float",
        "savedUsd": "float",
        "savedBy": "str",
        "policy": "str",
        "why": "Literal[\"\", \"only\", \"policy\", \"freed\", \"tier\", \"retry\"]",
        "tier": "int",
        "carriedOn": "int",
        "batchedWith": "int",
        "sharedFrom": "str",
        "sharedWith": "int",
        "serviceTier": "str",
    },
)

_ExchangesListAnswerNeeds = TypedDict(
    "_ExchangesListAnswerNeeds",
    {
        "from": "str",
        "to": "str",
        "exchanges": "List[Exchange]",
    },
)

_ExchangesListAnswerMay = TypedDict(
    "_ExchangesListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class ExchangesListAnswer(_ExchangesListAnswerNeeds, _ExchangesListAnswerMay):
    pass


KeyScopes = TypedDict(
    "KeyScopes",
    {
        "models": "List[str]",
        "routes": "List[str]",
        "addresses": "List[str]",
    },
)

_KeyNeeds = TypedDict(
    "_KeyNeeds",
    {
        "tenant": "str",
        "name": "str",
        "team": "str",
        "user": "str",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "hint": "str",
        "scopes": "KeyScopes",
        "expiresAt": "Union[str, None]",
        "previousUntil": "Union[str, None]",
        "lastUsedAt": "Union[str, None]",
        "active": "bool",
        "createdAt": "str",
        "version": "int",
    },
)

_KeyMay = TypedDict(
    "_KeyMay",
    {
        "warnings": "List[str]",
    },
    total=False,
)

class Key(_KeyNeeds, _KeyMay):
    pass


KeysChangeBodyScopes = TypedDict(
    "KeysChangeBodyScopes",
    {
        "models": "List[str]",
        "routes": "List[str]",
        "addresses": "List[str]",
    },
    total=False,
)

KeysChangeBody = TypedDict(
    "KeysChangeBody",
    {
        "team": "Union[Literal[\"\"], str]",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "scopes": "KeysChangeBodyScopes",
        "expiresAt": "Union[str, None]",
        "active": "bool",
    },
    total=False,
)

KeysCreateAnswerScopes = TypedDict(
    "KeysCreateAnswerScopes",
    {
        "models": "List[str]",
        "routes": "List[str]",
        "addresses": "List[str]",
    },
)

_KeysCreateAnswerNeeds = TypedDict(
    "_KeysCreateAnswerNeeds",
    {
        "tenant": "str",
        "name": "str",
        "team": "str",
        "user": "str",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "hint": "str",
        "scopes": "KeysCreateAnswerScopes",
        "expiresAt": "Union[str, None]",
        "previousUntil": "Union[str, None]",
        "lastUsedAt": "Union[str, None]",
        "active": "bool",
        "createdAt": "str",
        "version": "int",
        "key": "str",
    },
)

_KeysCreateAnswerMay = TypedDict(
    "_KeysCreateAnswerMay",
    {
        "warnings": "List[str]",
    },
    total=False,
)

class KeysCreateAnswer(_KeysCreateAnswerNeeds, _KeysCreateAnswerMay):
    pass


KeysCreateBodyScopes = TypedDict(
    "KeysCreateBodyScopes",
    {
        "models": "List[str]",
        "routes": "List[str]",
        "addresses": "List[str]",
    },
    total=False,
)

_KeysCreateBodyNeeds = TypedDict(
    "_KeysCreateBodyNeeds",
    {
        "name": "str",
    },
)

_KeysCreateBodyMay = TypedDict(
    "_KeysCreateBodyMay",
    {
        "team": "Union[Literal[\"\"], str]",
        "user": "Union[Literal[\"\"], str]",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "scopes": "KeysCreateBodyScopes",
        "expiresAt": "Union[str, None]",
    },
    total=False,
)

class KeysCreateBody(_KeysCreateBodyNeeds, _KeysCreateBodyMay):
    pass


_KeysListAnswerNeeds = TypedDict(
    "_KeysListAnswerNeeds",
    {
        "items": "List[Key]",
    },
)

_KeysListAnswerMay = TypedDict(
    "_KeysListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class KeysListAnswer(_KeysListAnswerNeeds, _KeysListAnswerMay):
    pass


KeysRotateBody = TypedDict(
    "KeysRotateBody",
    {
        "overlapS": "int",
    },
    total=False,
)

LimitsListAnswer = TypedDict(
    "LimitsListAnswer",
    {
        "items": "List[Dict[str, Any]]",
    },
)

LimitsPutBody = TypedDict(
    "LimitsPutBody",
    {
        "items": "List[Dict[str, Any]]",
    },
)

_ModelTargetsItemNeeds = TypedDict(
    "_ModelTargetsItemNeeds",
    {
        "upstream": "str",
        "model": "str",
        "tier": "int",
    },
)

_ModelTargetsItemMay = TypedDict(
    "_ModelTargetsItemMay",
    {
        "drained": "Literal[True]",
    },
    total=False,
)

class ModelTargetsItem(_ModelTargetsItemNeeds, _ModelTargetsItemMay):
    pass


Model = TypedDict(
    "Model",
    {
        "name": "str",
        "from": "Literal[\"configuration\", \"upstream\"]",
        "policy": "str",
        "targets": "List[ModelTargetsItem]",
    },
)

_ModelsListAnswerNeeds = TypedDict(
    "_ModelsListAnswerNeeds",
    {
        "models": "List[Model]",
    },
)

_ModelsListAnswerMay = TypedDict(
    "_ModelsListAnswerMay",
    {
        "defaultModel": "str",
        "next": "str",
    },
    total=False,
)

class ModelsListAnswer(_ModelsListAnswerNeeds, _ModelsListAnswerMay):
    pass


ModelsLoadAnswerServersItem = TypedDict(
    "ModelsLoadAnswerServersItem",
    {
        "upstream": "str",
        "model": "str",
        "done": "bool",
        "tookMs": "int",
        "says": "str",
    },
)

ModelsLoadAnswer = TypedDict(
    "ModelsLoadAnswer",
    {
        "servers": "List[ModelsLoadAnswerServersItem]",
    },
)

ModelsLoadBody = TypedDict(
    "ModelsLoadBody",
    {
        "on": "str",
    },
    total=False,
)

ModelsRunningAnswerRunningItemLoaded = TypedDict(
    "ModelsRunningAnswerRunningItemLoaded",
    {
        "bytes": "float",
        "gpuBytes": "float",
        "until": "str",
    },
    total=False,
)

_ModelsRunningAnswerRunningItemNeeds = TypedDict(
    "_ModelsRunningAnswerRunningItemNeeds",
    {
        "model": "str",
        "upstream": "str",
        "state": "Literal[\"unknown\", \"up\", \"down\"]",
        "inFlight": "int",
        "slots": "int",
        "slotsFrom": "Literal[\"configured\", \"told\", \"learnt\", \"assumed\", \"leased\"]",
        "queued": "int",
        "inMemory": "Literal[\"yes\", \"no\", \"unknown\"]",
    },
)

_ModelsRunningAnswerRunningItemMay = TypedDict(
    "_ModelsRunningAnswerRunningItemMay",
    {
        "drained": "Literal[True]",
        "loaded": "ModelsRunningAnswerRunningItemLoaded",
    },
    total=False,
)

class ModelsRunningAnswerRunningItem(_ModelsRunningAnswerRunningItemNeeds, _ModelsRunningAnswerRunningItemMay):
    pass


_ModelsRunningAnswerMachinesItemNeeds = TypedDict(
    "_ModelsRunningAnswerMachinesItemNeeds",
    {
        "upstream": "str",
        "loads": "int",
        "loadMs": "int",
        "evictions": "int",
    },
)

_ModelsRunningAnswerMachinesItemMay = TypedDict(
    "_ModelsRunningAnswerMachinesItemMay",
    {
        "gpuPercent": "float",
        "gpuUsedBytes": "float",
        "gpuTotalBytes": "float",
        "cpuPercent": "float",
        "memoryUsedBytes": "float",
        "memoryTotalBytes": "float",
    },
    total=False,
)

class ModelsRunningAnswerMachinesItem(_ModelsRunningAnswerMachinesItemNeeds, _ModelsRunningAnswerMachinesItemMay):
    pass


ModelsRunningAnswer = TypedDict(
    "ModelsRunningAnswer",
    {
        "waiting": "int",
        "running": "List[ModelsRunningAnswerRunningItem]",
        "machines": "List[ModelsRunningAnswerMachinesItem]",
    },
)

PricesListAnswer = TypedDict(
    "PricesListAnswer",
    {
        "prices": "Dict[str, Any]",
    },
)

PrivacyEraseAnswerErased = TypedDict(
    "PrivacyEraseAnswerErased",
    {
        "entries": "int",
        "contents": "int",
        "replays": "int",
        "conversations": "int",
        "exchanges": "int",
    },
)

PrivacyEraseAnswerRemainsItem = TypedDict(
    "PrivacyEraseAnswerRemainsItem",
    {
        "what": "str",
        "where": "str",
        "until": "str",
        "why": "str",
    },
)

_PrivacyEraseAnswerNeeds = TypedDict(
    "_PrivacyEraseAnswerNeeds",
    {
        "tenant": "str",
        "erased": "PrivacyEraseAnswerErased",
        "remains": "List[PrivacyEraseAnswerRemainsItem]",
    },
)

_PrivacyEraseAnswerMay = TypedDict(
    "_PrivacyEraseAnswerMay",
    {
        "user": "str",
    },
    total=False,
)

class PrivacyEraseAnswer(_PrivacyEraseAnswerNeeds, _PrivacyEraseAnswerMay):
    pass


_PrivacyExportAnswerNeeds = TypedDict(
    "_PrivacyExportAnswerNeeds",
    {
        "tenant": "str",
        "at": "str",
        "directory": "List[Dict[str, Any]]",
        "exchanges": "List[Dict[str, Any]]",
        "contents": "List[Dict[str, Any]]",
        "conversations": "List[Dict[str, Any]]",
        "replays": "List[Dict[str, Any]]",
        "audit": "List[Dict[str, Any]]",
    },
)

_PrivacyExportAnswerMay = TypedDict(
    "_PrivacyExportAnswerMay",
    {
        "user": "str",
    },
    total=False,
)

class PrivacyExportAnswer(_PrivacyExportAnswerNeeds, _PrivacyExportAnswerMay):
    pass


PrivacyExportBody1 = TypedDict(
    "PrivacyExportBody1",
    {
        "user": "str",
    },
)

PrivacyExportBody2 = TypedDict(
    "PrivacyExportBody2",
    {
        "wholeTenant": "str",
    },
)

QueueShowAnswerModelsItemTenantsItem = TypedDict(
    "QueueShowAnswerModelsItemTenantsItem",
    {
        "tenant": "str",
        "waiting": "int",
        "oldestMs": "int",
    },
)

_QueueShowAnswerModelsItemRequestsItemNeeds = TypedDict(
    "_QueueShowAnswerModelsItemRequestsItemNeeds",
    {
        "tenant": "str",
        "key": "str",
        "priority": "int",
        "tokens": "int",
        "waitedMs": "int",
        "position": "int",
    },
)

_QueueShowAnswerModelsItemRequestsItemMay = TypedDict(
    "_QueueShowAnswerModelsItemRequestsItemMay",
    {
        "expectedMs": "int",
    },
    total=False,
)

class QueueShowAnswerModelsItemRequestsItem(_QueueShowAnswerModelsItemRequestsItemNeeds, _QueueShowAnswerModelsItemRequestsItemMay):
    pass


_QueueShowAnswerModelsItemNeeds = TypedDict(
    "_QueueShowAnswerModelsItemNeeds",
    {
        "model": "str",
        "waiting": "int",
        "bytes": "int",
        "oldestMs": "int",
        "tenants": "List[QueueShowAnswerModelsItemTenantsItem]",
        "requests": "List[QueueShowAnswerModelsItemRequestsItem]",
    },
)

_QueueShowAnswerModelsItemMay = TypedDict(
    "_QueueShowAnswerModelsItemMay",
    {
        "expectedMs": "int",
    },
    total=False,
)

class QueueShowAnswerModelsItem(_QueueShowAnswerModelsItemNeeds, _QueueShowAnswerModelsItemMay):
    pass


QueueShowAnswer = TypedDict(
    "QueueShowAnswer",
    {
        "waiting": "int",
        "models": "List[QueueShowAnswerModelsItem]",
    },
)

ReadyzAnswer = TypedDict(
    "ReadyzAnswer",
    {
        "status": "Literal[\"ready\", \"starting\", \"full\", \"draining\"]",
        "degraded": "List[str]",
    },
)

SavingsSumAnswerTotal = TypedDict(
    "SavingsSumAnswerTotal",
    {
        "exchanges": "int",
        "costUsd": "float",
        "cacheUsd": "float",
        "routingUsd": "float",
        "selfHostingUsd": "float",
        "savedUsd": "float",
    },
)

SavingsSumAnswerSavingsItem = TypedDict(
    "SavingsSumAnswerSavingsItem",
    {
        "by": "Dict[str, Any]",
        "exchanges": "int",
        "costUsd": "float",
        "cacheUsd": "float",
        "routingUsd": "float",
        "selfHostingUsd": "float",
        "savedUsd": "float",
    },
)

_SavingsSumAnswerNeeds = TypedDict(
    "_SavingsSumAnswerNeeds",
    {
        "from": "str",
        "to": "str",
        "by": "List[str]",
        "total": "SavingsSumAnswerTotal",
        "savings": "List[SavingsSumAnswerSavingsItem]",
    },
)

_SavingsSumAnswerMay = TypedDict(
    "_SavingsSumAnswerMay",
    {
        "premium": "str",
    },
    total=False,
)

class SavingsSumAnswer(_SavingsSumAnswerNeeds, _SavingsSumAnswerMay):
    pass


Secret = TypedDict(
    "Secret",
    {
        "name": "str",
        "version": "int",
        "updatedAt": "str",
        "updatedBy": "str",
    },
)

_SecretsListAnswerNeeds = TypedDict(
    "_SecretsListAnswerNeeds",
    {
        "items": "List[Secret]",
    },
)

_SecretsListAnswerMay = TypedDict(
    "_SecretsListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class SecretsListAnswer(_SecretsListAnswerNeeds, _SecretsListAnswerMay):
    pass


SecretsPutBody = TypedDict(
    "SecretsPutBody",
    {
        "value": "str",
    },
)

SecretsRotateAnswerLeftItem = TypedDict(
    "SecretsRotateAnswerLeftItem",
    {
        "tenant": "str",
        "user": "str",
    },
)

SecretsRotateAnswerNext = TypedDict(
    "SecretsRotateAnswerNext",
    {
        "tenant": "str",
        "user": "str",
    },
)

_SecretsRotateAnswerNeeds = TypedDict(
    "_SecretsRotateAnswerNeeds",
    {
        "rewrapped": "int",
        "left": "List[SecretsRotateAnswerLeftItem]",
    },
)

_SecretsRotateAnswerMay = TypedDict(
    "_SecretsRotateAnswerMay",
    {
        "next": "SecretsRotateAnswerNext",
    },
    total=False,
)

class SecretsRotateAnswer(_SecretsRotateAnswerNeeds, _SecretsRotateAnswerMay):
    pass


SecretsRotateBodyAfter = TypedDict(
    "SecretsRotateBodyAfter",
    {
        "tenant": "str",
        "user": "str",
    },
)

SecretsRotateBody = TypedDict(
    "SecretsRotateBody",
    {
        "after": "SecretsRotateBodyAfter",
    },
    total=False,
)

Session = TypedDict(
    "Session",
    {
        "id": "str",
        "name": "str",
        "tenant": "str",
        "user": "str",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "beganAt": "str",
        "expiresAt": "str",
    },
)

_SessionShowAnswerNeeds = TypedDict(
    "_SessionShowAnswerNeeds",
    {
        "name": "str",
        "tenant": "str",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "how": "Literal[\"token\", \"key\", \"session\"]",
    },
)

_SessionShowAnswerMay = TypedDict(
    "_SessionShowAnswerMay",
    {
        "csrf": "str",
        "expiresAt": "str",
    },
    total=False,
)

class SessionShowAnswer(_SessionShowAnswerNeeds, _SessionShowAnswerMay):
    pass


_SessionsListAnswerNeeds = TypedDict(
    "_SessionsListAnswerNeeds",
    {
        "items": "List[Session]",
    },
)

_SessionsListAnswerMay = TypedDict(
    "_SessionsListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class SessionsListAnswer(_SessionsListAnswerNeeds, _SessionsListAnswerMay):
    pass


StatusShowAnswerWorkersItem = TypedDict(
    "StatusShowAnswerWorkersItem",
    {
        "worker": "int",
        "pid": "int",
        "startedAt": "str",
        "configId": "str",
        "accepting": "bool",
        "inFlight": "int",
        "waiting": "int",
        "rssBytes": "int",
    },
)

_StatusShowAnswerNeeds = TypedDict(
    "_StatusShowAnswerNeeds",
    {
        "version": "str",
        "pid": "int",
        "startedAt": "str",
        "uptimeS": "int",
        "configId": "str",
        "configFiles": "List[str]",
        "accepting": "bool",
        "replicas": "int",
        "degraded": "List[str]",
        "inFlight": "int",
        "waiting": "int",
        "rssBytes": "int",
    },
)

_StatusShowAnswerMay = TypedDict(
    "_StatusShowAnswerMay",
    {
        "workers": "List[StatusShowAnswerWorkersItem]",
    },
    total=False,
)

class StatusShowAnswer(_StatusShowAnswerNeeds, _StatusShowAnswerMay):
    pass


_TeamNeeds = TypedDict(
    "_TeamNeeds",
    {
        "tenant": "str",
        "name": "str",
        "active": "bool",
        "createdAt": "str",
        "version": "int",
    },
)

_TeamMay = TypedDict(
    "_TeamMay",
    {
        "offBy": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
    },
    total=False,
)

class Team(_TeamNeeds, _TeamMay):
    pass


TeamsChangeBody = TypedDict(
    "TeamsChangeBody",
    {
        "active": "bool",
    },
    total=False,
)

TeamsCreateBody = TypedDict(
    "TeamsCreateBody",
    {
        "name": "str",
    },
)

_TeamsListAnswerNeeds = TypedDict(
    "_TeamsListAnswerNeeds",
    {
        "items": "List[Team]",
    },
)

_TeamsListAnswerMay = TypedDict(
    "_TeamsListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class TeamsListAnswer(_TeamsListAnswerNeeds, _TeamsListAnswerMay):
    pass


Tenant = TypedDict(
    "Tenant",
    {
        "name": "str",
        "keepContentDays": "int",
        "active": "bool",
        "createdAt": "str",
        "version": "int",
    },
)

TenantsChangeBody = TypedDict(
    "TenantsChangeBody",
    {
        "keepContentDays": "int",
        "active": "bool",
    },
    total=False,
)

_TenantsCreateBodyNeeds = TypedDict(
    "_TenantsCreateBodyNeeds",
    {
        "name": "str",
    },
)

_TenantsCreateBodyMay = TypedDict(
    "_TenantsCreateBodyMay",
    {
        "keepContentDays": "int",
    },
    total=False,
)

class TenantsCreateBody(_TenantsCreateBodyNeeds, _TenantsCreateBodyMay):
    pass


_TenantsListAnswerNeeds = TypedDict(
    "_TenantsListAnswerNeeds",
    {
        "items": "List[Tenant]",
    },
)

_TenantsListAnswerMay = TypedDict(
    "_TenantsListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class TenantsListAnswer(_TenantsListAnswerNeeds, _TenantsListAnswerMay):
    pass


UpstreamDrained = TypedDict(
    "UpstreamDrained",
    {
        "by": "str",
        "since": "str",
    },
)

_UpstreamNeeds = TypedDict(
    "_UpstreamNeeds",
    {
        "name": "str",
        "type": "str",
        "state": "Literal[\"unknown\", \"up\", \"down\"]",
        "inFlight": "int",
        "slots": "int",
        "failures": "int",
        "standing": "Literal[\"closed\", \"open\", \"trial\", \"returning\"]",
        "modelsOut": "List[str]",
        "models": "List[str]",
    },
)

_UpstreamMay = TypedDict(
    "_UpstreamMay",
    {
        "url": "str",
        "lastFailure": "str",
        "lastHeardAt": "str",
        "nextTryAt": "str",
        "drained": "UpstreamDrained",
    },
    total=False,
)

class Upstream(_UpstreamNeeds, _UpstreamMay):
    pass


UpstreamsDrainAnswer = TypedDict(
    "UpstreamsDrainAnswer",
    {
        "upstream": "str",
        "drained": "bool",
        "moved": "int",
        "inFlight": "int",
        "everywhere": "bool",
        "warnings": "List[str]",
    },
)

_UpstreamsListAnswerNeeds = TypedDict(
    "_UpstreamsListAnswerNeeds",
    {
        "upstreams": "List[Upstream]",
    },
)

_UpstreamsListAnswerMay = TypedDict(
    "_UpstreamsListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class UpstreamsListAnswer(_UpstreamsListAnswerNeeds, _UpstreamsListAnswerMay):
    pass


UsageSumAnswerSumsItem = TypedDict(
    "UsageSumAnswerSumsItem",
    {
        "by": "Dict[str, Any]",
        "exchanges": "int",
        "inputTokens": "int",
        "cachedInputTokens": "int",
        "outputTokens": "int",
        "reasoningTokens": "int",
        "costUsd": "float",
        "savedUsd": "float",
    },
)

UsageSumAnswer = TypedDict(
    "UsageSumAnswer",
    {
        "from": "str",
        "to": "str",
        "by": "List[Literal[\"day\", \"tenant\", \"team\", \"user\", \"key\", \"route\", \"model\", \"upstream\", \"targetModel\", \"outcome\", \"savedBy\", \"code\", \"status\", \"priceVersion\", \"stream\", \"policy\", \"why\", \"tier\", \"carriedOn\", \"batchedWith\", \"sharedFrom\", \"sharedWith\", \"serviceTier\"]]",
        "sums": "List[UsageSumAnswerSumsItem]",
    },
)

_UserNeeds = TypedDict(
    "_UserNeeds",
    {
        "tenant": "str",
        "name": "str",
        "team": "str",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "service": "bool",
        "active": "bool",
        "createdAt": "str",
        "version": "int",
    },
)

_UserMay = TypedDict(
    "_UserMay",
    {
        "offBy": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
    },
    total=False,
)

class User(_UserNeeds, _UserMay):
    pass


UsersChangeBody = TypedDict(
    "UsersChangeBody",
    {
        "team": "Union[Literal[\"\"], str]",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "active": "bool",
    },
    total=False,
)

_UsersCreateBodyNeeds = TypedDict(
    "_UsersCreateBodyNeeds",
    {
        "name": "str",
    },
)

_UsersCreateBodyMay = TypedDict(
    "_UsersCreateBodyMay",
    {
        "team": "Union[Literal[\"\"], str]",
        "role": "Literal[\"owner\", \"admin\", \"operator\", \"developer\", \"viewer\", \"billing\"]",
        "service": "bool",
    },
    total=False,
)

class UsersCreateBody(_UsersCreateBodyNeeds, _UsersCreateBodyMay):
    pass


_UsersListAnswerNeeds = TypedDict(
    "_UsersListAnswerNeeds",
    {
        "items": "List[User]",
    },
)

_UsersListAnswerMay = TypedDict(
    "_UsersListAnswerMay",
    {
        "next": "str",
    },
    total=False,
)

class UsersListAnswer(_UsersListAnswerNeeds, _UsersListAnswerMay):
    pass


AuditVerifyAnswer = Union[AuditVerifyAnswer1, AuditVerifyAnswer2]

ConfigReloadAnswer = Union[ConfigReloadAnswer1, ConfigReloadAnswer2]

PrivacyExportBody = Union[PrivacyExportBody1, PrivacyExportBody2]

UpstreamsPutBody = Dict[str, Any]


class _Status:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(
        self,
    ) -> StatusShowAnswer:
        """How the gateway is"""
        return cast("StatusShowAnswer", self._connection.json("GET", '/admin/api/v1/status'))


class _Upstreams:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> UpstreamsListAnswer:
        """The upstreams, and what is known of them"""
        return cast("UpstreamsListAnswer", self._connection.json("GET", '/admin/api/v1/upstreams', query={"after": after, "limit": limit}))

    def each(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Upstream]:
        """The upstreams, and what is known of them: all of them, one after the other"""
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["upstreams"]
            if "next" not in page:
                return
            after = page["next"]

    def put(
        self,
        *,
        name: str,
        body: UpstreamsPutBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Sets an upstream, as it would stand under `upstreams` in the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("PUT", f'/admin/api/v1/upstreams/{quote(str(name), safe="")}', query={"force": force}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Takes an upstream out of the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("DELETE", f'/admin/api/v1/upstreams/{quote(str(name), safe="")}', query={"force": force}, if_match=if_match))

    def drain(
        self,
        *,
        name: str,
        idempotency_key: Optional[str] = None,
    ) -> UpstreamsDrainAnswer:
        """Sends nothing new to an upstream, and has its streams gone on with elsewhere where that can be"""
        return cast("UpstreamsDrainAnswer", self._connection.json("POST", f'/admin/api/v1/upstreams/{quote(str(name), safe="")}/drain', idempotency_key=idempotency_key))

    def resume(
        self,
        *,
        name: str,
        idempotency_key: Optional[str] = None,
    ) -> UpstreamsDrainAnswer:
        """Sends requests to a drained upstream again"""
        return cast("UpstreamsDrainAnswer", self._connection.json("POST", f'/admin/api/v1/upstreams/{quote(str(name), safe="")}/resume', idempotency_key=idempotency_key))


class _Models:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> ModelsListAnswer:
        """The models, and where they are served"""
        return cast("ModelsListAnswer", self._connection.json("GET", '/admin/api/v1/models', query={"after": after, "limit": limit}))

    def each(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Model]:
        """The models, and where they are served: all of them, one after the other"""
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["models"]
            if "next" not in page:
                return
            after = page["next"]

    def running(
        self,
    ) -> ModelsRunningAnswer:
        """What runs at this moment"""
        return cast("ModelsRunningAnswer", self._connection.json("GET", '/admin/api/v1/ps'))

    def put(
        self,
        *,
        name: str,
        body: UpstreamsPutBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Sets a model, as it would stand under `models` in the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("PUT", f'/admin/api/v1/models/{quote(str(name), safe="")}', query={"force": force}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Takes a model out of the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("DELETE", f'/admin/api/v1/models/{quote(str(name), safe="")}', query={"force": force}, if_match=if_match))

    def load(
        self,
        *,
        name: str,
        body: ModelsLoadBody,
        idempotency_key: Optional[str] = None,
    ) -> ModelsLoadAnswer:
        """Loads a model into the memory of its servers, and waits until it is there"""
        return cast("ModelsLoadAnswer", self._connection.json("POST", f'/admin/api/v1/models/{quote(str(name), safe="")}/load', body=body or {}, idempotency_key=idempotency_key))

    def unload(
        self,
        *,
        name: str,
        body: ModelsLoadBody,
        idempotency_key: Optional[str] = None,
    ) -> ModelsLoadAnswer:
        """Takes a model out of the memory of its servers; who works with it ends first"""
        return cast("ModelsLoadAnswer", self._connection.json("POST", f'/admin/api/v1/models/{quote(str(name), safe="")}/unload', body=body or {}, idempotency_key=idempotency_key))


class _Queue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(
        self,
    ) -> QueueShowAnswer:
        """Who waits for a slot, where they stand, and how long it will most likely take"""
        return cast("QueueShowAnswer", self._connection.json("GET", '/admin/api/v1/queue'))


class _ConfiguredKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> ConfiguredKeysListAnswer:
        """The keys that stand in no store: of the configuration, and the first one; never the keys themselves"""
        return cast("ConfiguredKeysListAnswer", self._connection.json("GET", '/admin/api/v1/configured-keys', query={"after": after, "limit": limit}))

    def each(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[ConfiguredKey]:
        """The keys that stand in no store: of the configuration, and the first one; never the keys themselves: all of them, one after the other"""
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["keys"]
            if "next" not in page:
                return
            after = page["next"]


class _Config:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(
        self,
    ) -> ConfigShowAnswer:
        """The configuration in force, without its secrets; its ETag is what changes of it are meant for"""
        return cast("ConfigShowAnswer", self._connection.json("GET", '/admin/api/v1/config'))

    def apply(
        self,
        *,
        body: ConfigApplyBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Puts another configuration in force on every gateway, and keeps it as a version"""
        return cast("ConfigApplyAnswer", self._connection.json("PUT", '/admin/api/v1/config', query={"force": force}, body=body or {}, if_match=if_match))

    def reload(
        self,
        *,
        idempotency_key: Optional[str] = None,
    ) -> ConfigReloadAnswer:
        """Reads the configuration’s files again and takes them over"""
        return cast("ConfigReloadAnswer", self._connection.json("POST", '/admin/api/v1/config/reload', idempotency_key=idempotency_key))

    def check(
        self,
    ) -> ConfigReloadAnswer:
        """Says what a reload would do, without doing it"""
        return cast("ConfigReloadAnswer", self._connection.json("POST", '/admin/api/v1/config/check'))

    def validate(
        self,
        *,
        body: ConfigApplyBody,
    ) -> ConfigValidateAnswer:
        """Says everything that is wrong with a configuration, each at its place, and changes nothing"""
        return cast("ConfigValidateAnswer", self._connection.json("POST", '/admin/api/v1/config/validate', body=body or {}))

    def diff(
        self,
        *,
        body: ConfigApplyBody,
    ) -> ConfigDiffAnswer:
        """Says what a configuration would change, and changes nothing"""
        return cast("ConfigDiffAnswer", self._connection.json("POST", '/admin/api/v1/config/diff', body=body or {}))

    def history(
        self,
        *,
        before: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> ConfigHistoryAnswer:
        """What was in force, the newest first, a page at a time"""
        return cast("ConfigHistoryAnswer", self._connection.json("GET", '/admin/api/v1/config/history', query={"before": before, "limit": limit}))

    def history_each(
        self,
        *,
        before: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Any]:
        """What was in force, the newest first, a page at a time: all of them, one after the other"""
        while True:
            page = self.history(before=before, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            before = page["next"]

    def version(
        self,
        *,
        version: int,
    ) -> ConfigVersionAnswer:
        """One version of the configuration, as it was written; without secrets"""
        return cast("ConfigVersionAnswer", self._connection.json("GET", f'/admin/api/v1/config/history/{quote(str(version), safe="")}'))

    def rollback(
        self,
        *,
        body: ConfigRollbackBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
        idempotency_key: Optional[str] = None,
    ) -> ConfigApplyAnswer:
        """Puts an earlier version in force again, as a version of its own"""
        return cast("ConfigApplyAnswer", self._connection.json("POST", '/admin/api/v1/config/rollback', query={"force": force}, body=body or {}, if_match=if_match, idempotency_key=idempotency_key))


class _Prices:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self,
        *,
        name: str,
        body: UpstreamsPutBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Sets the price of a model or server, as it would stand under `prices` in the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("PUT", f'/admin/api/v1/prices/{quote(str(name), safe="")}', query={"force": force}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Takes the price of a model or server out of the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("DELETE", f'/admin/api/v1/prices/{quote(str(name), safe="")}', query={"force": force}, if_match=if_match))

    def list(
        self,
    ) -> PricesListAnswer:
        """The prices that the configuration names; the others are the catalogue’s"""
        return cast("PricesListAnswer", self._connection.json("GET", '/admin/api/v1/prices'))


class _Limits:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self,
        *,
        body: LimitsPutBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Sets all the limits, as they would stand under `limits` in the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("PUT", '/admin/api/v1/limits', query={"force": force}, body=body or {}, if_match=if_match))

    def list(
        self,
    ) -> LimitsListAnswer:
        """The limits, as they are written; those that hold where none are"""
        return cast("LimitsListAnswer", self._connection.json("GET", '/admin/api/v1/limits'))


class _Budgets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self,
        *,
        body: LimitsPutBody,
        force: Optional[Literal["", "true", "false"]] = None,
        if_match: Union[str, int],
    ) -> ConfigApplyAnswer:
        """Sets all the budgets, as they would stand under `budgets` in the configuration"""
        return cast("ConfigApplyAnswer", self._connection.json("PUT", '/admin/api/v1/budgets', query={"force": force}, body=body or {}, if_match=if_match))

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
        holder: Optional[str] = None,
    ) -> BudgetsListAnswer:
        """How far each budget is spent, of those that anybody has touched since its window began"""
        return cast("BudgetsListAnswer", self._connection.json("GET", '/admin/api/v1/budgets', query={"tenant": tenant, "after": after, "limit": limit, "holder": holder}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
        holder: Optional[str] = None,
    ) -> Iterator[Budget]:
        """How far each budget is spent, of those that anybody has touched since its window began: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, after=after, limit=limit, holder=holder)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]


class _Usage:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sum(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        code: Optional[str] = None,
        status: Optional[str] = None,
        price_version: Optional[str] = None,
        stream: Optional[Literal["true", "false"]] = None,
        policy: Optional[str] = None,
        why: Optional[Literal["", "only", "policy", "freed", "tier", "retry"]] = None,
        tier: Optional[str] = None,
        carried_on: Optional[str] = None,
        batched_with: Optional[str] = None,
        shared_from: Optional[str] = None,
        shared_with: Optional[str] = None,
        service_tier: Optional[str] = None,
        saved_by: Optional[Literal["", "cache", "routing", "self-hosting"]] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        by: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> UsageSumAnswer:
        """Sums by any dimension, from and to any day"""
        return cast("UsageSumAnswer", self._connection.json("GET", '/admin/api/v1/usage', query={"tenant": tenant, "team": team, "user": user, "key": key, "route": route, "model": model, "upstream": upstream, "targetModel": target_model, "outcome": outcome, "code": code, "status": status, "priceVersion": price_version, "stream": stream, "policy": policy, "why": why, "tier": tier, "carriedOn": carried_on, "batchedWith": batched_with, "sharedFrom": shared_from, "sharedWith": shared_with, "serviceTier": service_tier, "savedBy": saved_by, "from": from_, "to": to, "by": by, "limit": limit}))

    def sum_csv(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        code: Optional[str] = None,
        status: Optional[str] = None,
        price_version: Optional[str] = None,
        stream: Optional[Literal["true", "false"]] = None,
        policy: Optional[str] = None,
        why: Optional[Literal["", "only", "policy", "freed", "tier", "retry"]] = None,
        tier: Optional[str] = None,
        carried_on: Optional[str] = None,
        batched_with: Optional[str] = None,
        shared_from: Optional[str] = None,
        shared_with: Optional[str] = None,
        service_tier: Optional[str] = None,
        saved_by: Optional[Literal["", "cache", "routing", "self-hosting"]] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        by: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> str:
        """Sums by any dimension, from and to any day, as CSV"""
        return self._connection.text("GET", '/admin/api/v1/usage', query={"tenant": tenant, "team": team, "user": user, "key": key, "route": route, "model": model, "upstream": upstream, "targetModel": target_model, "outcome": outcome, "code": code, "status": status, "priceVersion": price_version, "stream": stream, "policy": policy, "why": why, "tier": tier, "carriedOn": carried_on, "batchedWith": batched_with, "sharedFrom": shared_from, "sharedWith": shared_with, "serviceTier": service_tier, "savedBy": saved_by, "from": from_, "to": to, "by": by, "limit": limit, "format": "csv"})


class _Exchanges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        code: Optional[str] = None,
        status: Optional[str] = None,
        price_version: Optional[str] = None,
        stream: Optional[Literal["true", "false"]] = None,
        policy: Optional[str] = None,
        why: Optional[Literal["", "only", "policy", "freed", "tier", "retry"]] = None,
        tier: Optional[str] = None,
        carried_on: Optional[str] = None,
        batched_with: Optional[str] = None,
        shared_from: Optional[str] = None,
        shared_with: Optional[str] = None,
        service_tier: Optional[str] = None,
        saved_by: Optional[Literal["", "cache", "routing", "self-hosting"]] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> ExchangesListAnswer:
        """The exchanges themselves, a page at a time"""
        return cast("ExchangesListAnswer", self._connection.json("GET", '/admin/api/v1/exchanges', query={"tenant": tenant, "team": team, "user": user, "key": key, "route": route, "model": model, "upstream": upstream, "targetModel": target_model, "outcome": outcome, "code": code, "status": status, "priceVersion": price_version, "stream": stream, "policy": policy, "why": why, "tier": tier, "carriedOn": carried_on, "batchedWith": batched_with, "sharedFrom": shared_from, "sharedWith": shared_with, "serviceTier": service_tier, "savedBy": saved_by, "from": from_, "to": to, "after": after, "limit": limit}))

    def list_csv(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        code: Optional[str] = None,
        status: Optional[str] = None,
        price_version: Optional[str] = None,
        stream: Optional[Literal["true", "false"]] = None,
        policy: Optional[str] = None,
        why: Optional[Literal["", "only", "policy", "freed", "tier", "retry"]] = None,
        tier: Optional[str] = None,
        carried_on: Optional[str] = None,
        batched_with: Optional[str] = None,
        shared_from: Optional[str] = None,
        shared_with: Optional[str] = None,
        service_tier: Optional[str] = None,
        saved_by: Optional[Literal["", "cache", "routing", "self-hosting"]] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> str:
        """The exchanges themselves, a page at a time, as CSV"""
        return self._connection.text("GET", '/admin/api/v1/exchanges', query={"tenant": tenant, "team": team, "user": user, "key": key, "route": route, "model": model, "upstream": upstream, "targetModel": target_model, "outcome": outcome, "code": code, "status": status, "priceVersion": price_version, "stream": stream, "policy": policy, "why": why, "tier": tier, "carriedOn": carried_on, "batchedWith": batched_with, "sharedFrom": shared_from, "sharedWith": shared_with, "serviceTier": service_tier, "savedBy": saved_by, "from": from_, "to": to, "after": after, "limit": limit, "format": "csv"})

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        code: Optional[str] = None,
        status: Optional[str] = None,
        price_version: Optional[str] = None,
        stream: Optional[Literal["true", "false"]] = None,
        policy: Optional[str] = None,
        why: Optional[Literal["", "only", "policy", "freed", "tier", "retry"]] = None,
        tier: Optional[str] = None,
        carried_on: Optional[str] = None,
        batched_with: Optional[str] = None,
        shared_from: Optional[str] = None,
        shared_with: Optional[str] = None,
        service_tier: Optional[str] = None,
        saved_by: Optional[Literal["", "cache", "routing", "self-hosting"]] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Exchange]:
        """The exchanges themselves, a page at a time: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, team=team, user=user, key=key, route=route, model=model, upstream=upstream, target_model=target_model, outcome=outcome, code=code, status=status, price_version=price_version, stream=stream, policy=policy, why=why, tier=tier, carried_on=carried_on, batched_with=batched_with, shared_from=shared_from, shared_with=shared_with, service_tier=service_tier, saved_by=saved_by, from_=from_, to=to, after=after, limit=limit)
            yield from page["exchanges"]
            if "next" not in page:
                return
            after = page["next"]


class _Savings:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sum(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        by: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> SavingsSumAnswer:
        """What was saved against the premium model, by cache, routing and self-hosting"""
        return cast("SavingsSumAnswer", self._connection.json("GET", '/admin/api/v1/savings', query={"tenant": tenant, "team": team, "user": user, "key": key, "route": route, "model": model, "upstream": upstream, "targetModel": target_model, "outcome": outcome, "from": from_, "to": to, "by": by, "limit": limit}))

    def sum_csv(
        self,
        *,
        tenant: Optional[str] = None,
        team: Optional[str] = None,
        user: Optional[str] = None,
        key: Optional[str] = None,
        route: Optional[str] = None,
        model: Optional[str] = None,
        upstream: Optional[str] = None,
        target_model: Optional[str] = None,
        outcome: Optional[str] = None,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        by: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> str:
        """What was saved against the premium model, by cache, routing and self-hosting, as CSV"""
        return self._connection.text("GET", '/admin/api/v1/savings', query={"tenant": tenant, "team": team, "user": user, "key": key, "route": route, "model": model, "upstream": upstream, "targetModel": target_model, "outcome": outcome, "from": from_, "to": to, "by": by, "limit": limit, "format": "csv"})


class _Costs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(
        self,
        *,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        against: Optional[str] = None,
    ) -> CostsShowAnswer:
        """What everything truly cost, idle servers included; whether servers pay, and what is too large"""
        return cast("CostsShowAnswer", self._connection.json("GET", '/admin/api/v1/costs', query={"from": from_, "to": to, "against": against}))

    def show_csv(
        self,
        *,
        from_: Optional[str] = None,
        to: Optional[str] = None,
        against: Optional[str] = None,
    ) -> str:
        """What everything truly cost, idle servers included; whether servers pay, and what is too large, as CSV"""
        return self._connection.text("GET", '/admin/api/v1/costs', query={"from": from_, "to": to, "against": against, "format": "csv"})


class _Tenants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> TenantsListAnswer:
        """The tenants, a page at a time, in order of tenant and name"""
        return cast("TenantsListAnswer", self._connection.json("GET", '/admin/api/v1/tenants', query={"tenant": tenant, "after": after, "limit": limit}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Tenant]:
        """The tenants, a page at a time, in order of tenant and name: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, after=after, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]

    def create(
        self,
        *,
        body: TenantsCreateBody,
        tenant: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Tenant:
        """Makes one of the tenants"""
        return cast("Tenant", self._connection.json("POST", '/admin/api/v1/tenants', query={"tenant": tenant}, body=body or {}, idempotency_key=idempotency_key))

    def show(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
    ) -> Tenant:
        """One of the tenants"""
        return cast("Tenant", self._connection.json("GET", f'/admin/api/v1/tenants/{quote(str(name), safe="")}', query={"tenant": tenant}))

    def change(
        self,
        *,
        name: str,
        body: TenantsChangeBody,
        tenant: Optional[str] = None,
        if_match: Union[str, int],
    ) -> Tenant:
        """Changes what the body names; If-Match says of which version"""
        return cast("Tenant", self._connection.json("PATCH", f'/admin/api/v1/tenants/{quote(str(name), safe="")}', query={"tenant": tenant}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
        if_match: Optional[Union[str, int]] = None,
    ) -> None:
        """Removes it, with all that belongs to it; If-Match may say of which version"""
        self._connection.json("DELETE", f'/admin/api/v1/tenants/{quote(str(name), safe="")}', query={"tenant": tenant}, if_match=if_match)


class _Teams:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> TeamsListAnswer:
        """The teams, a page at a time, in order of tenant and name"""
        return cast("TeamsListAnswer", self._connection.json("GET", '/admin/api/v1/teams', query={"tenant": tenant, "after": after, "limit": limit}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Team]:
        """The teams, a page at a time, in order of tenant and name: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, after=after, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]

    def create(
        self,
        *,
        body: TeamsCreateBody,
        tenant: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Team:
        """Makes one of the teams"""
        return cast("Team", self._connection.json("POST", '/admin/api/v1/teams', query={"tenant": tenant}, body=body or {}, idempotency_key=idempotency_key))

    def show(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
    ) -> Team:
        """One of the teams"""
        return cast("Team", self._connection.json("GET", f'/admin/api/v1/teams/{quote(str(name), safe="")}', query={"tenant": tenant}))

    def change(
        self,
        *,
        name: str,
        body: TeamsChangeBody,
        tenant: Optional[str] = None,
        if_match: Union[str, int],
    ) -> Team:
        """Changes what the body names; If-Match says of which version"""
        return cast("Team", self._connection.json("PATCH", f'/admin/api/v1/teams/{quote(str(name), safe="")}', query={"tenant": tenant}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
        if_match: Optional[Union[str, int]] = None,
    ) -> None:
        """Removes it, with all that belongs to it; If-Match may say of which version"""
        self._connection.json("DELETE", f'/admin/api/v1/teams/{quote(str(name), safe="")}', query={"tenant": tenant}, if_match=if_match)


class _Users:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> UsersListAnswer:
        """The users, a page at a time, in order of tenant and name"""
        return cast("UsersListAnswer", self._connection.json("GET", '/admin/api/v1/users', query={"tenant": tenant, "after": after, "limit": limit}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[User]:
        """The users, a page at a time, in order of tenant and name: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, after=after, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]

    def create(
        self,
        *,
        body: UsersCreateBody,
        tenant: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> User:
        """Makes one of the users"""
        return cast("User", self._connection.json("POST", '/admin/api/v1/users', query={"tenant": tenant}, body=body or {}, idempotency_key=idempotency_key))

    def show(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
    ) -> User:
        """One of the users"""
        return cast("User", self._connection.json("GET", f'/admin/api/v1/users/{quote(str(name), safe="")}', query={"tenant": tenant}))

    def change(
        self,
        *,
        name: str,
        body: UsersChangeBody,
        tenant: Optional[str] = None,
        if_match: Union[str, int],
    ) -> User:
        """Changes what the body names; If-Match says of which version"""
        return cast("User", self._connection.json("PATCH", f'/admin/api/v1/users/{quote(str(name), safe="")}', query={"tenant": tenant}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
        if_match: Optional[Union[str, int]] = None,
    ) -> None:
        """Removes it, with all that belongs to it; If-Match may say of which version"""
        self._connection.json("DELETE", f'/admin/api/v1/users/{quote(str(name), safe="")}', query={"tenant": tenant}, if_match=if_match)


class _Keys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> KeysListAnswer:
        """The keys in the store, a page at a time, in order of tenant and name"""
        return cast("KeysListAnswer", self._connection.json("GET", '/admin/api/v1/keys', query={"tenant": tenant, "after": after, "limit": limit}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Key]:
        """The keys in the store, a page at a time, in order of tenant and name: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, after=after, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]

    def create(
        self,
        *,
        body: KeysCreateBody,
        tenant: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> KeysCreateAnswer:
        """Makes a key, and tells it this once"""
        return cast("KeysCreateAnswer", self._connection.json("POST", '/admin/api/v1/keys', query={"tenant": tenant}, body=body or {}, idempotency_key=idempotency_key))

    def show(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
    ) -> Key:
        """One of the keys; never the key itself"""
        return cast("Key", self._connection.json("GET", f'/admin/api/v1/keys/{quote(str(name), safe="")}', query={"tenant": tenant}))

    def change(
        self,
        *,
        name: str,
        body: KeysChangeBody,
        tenant: Optional[str] = None,
        if_match: Union[str, int],
    ) -> Key:
        """Changes what the body names; If-Match says of which version"""
        return cast("Key", self._connection.json("PATCH", f'/admin/api/v1/keys/{quote(str(name), safe="")}', query={"tenant": tenant}, body=body or {}, if_match=if_match))

    def remove(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
        if_match: Optional[Union[str, int]] = None,
    ) -> None:
        """Removes it, with all that belongs to it; If-Match may say of which version"""
        self._connection.json("DELETE", f'/admin/api/v1/keys/{quote(str(name), safe="")}', query={"tenant": tenant}, if_match=if_match)

    def rotate(
        self,
        *,
        name: str,
        tenant: Optional[str] = None,
        body: Optional[KeysRotateBody] = None,
        if_match: Optional[Union[str, int]] = None,
        idempotency_key: Optional[str] = None,
    ) -> KeysCreateAnswer:
        """Puts another key in its place, and tells it this once; the one before opens a while longer"""
        return cast("KeysCreateAnswer", self._connection.json("POST", f'/admin/api/v1/keys/{quote(str(name), safe="")}/rotate', query={"tenant": tenant}, body=body or {}, if_match=if_match, idempotency_key=idempotency_key))


class _Audit:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        before: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> AuditListAnswer:
        """What was changed and who signed in, the newest first, a page at a time"""
        return cast("AuditListAnswer", self._connection.json("GET", '/admin/api/v1/audit', query={"tenant": tenant, "before": before, "limit": limit}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        before: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Audit]:
        """What was changed and who signed in, the newest first, a page at a time: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, before=before, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            before = page["next"]

    def verify(
        self,
        *,
        number: Optional[int] = None,
        digest: Optional[str] = None,
    ) -> AuditVerifyAnswer:
        """Whether the records follow from one another, some thousands at a time"""
        return cast("AuditVerifyAnswer", self._connection.json("GET", '/admin/api/v1/audit/verify', query={"number": number, "digest": digest}))


class _Session:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(
        self,
        *,
        tenant: Optional[str] = None,
    ) -> SessionShowAnswer:
        """Who the caller is, and what a session must send with changes"""
        return cast("SessionShowAnswer", self._connection.json("GET", '/admin/api/v1/session', query={"tenant": tenant}))

    def end(
        self,
        *,
        tenant: Optional[str] = None,
    ) -> None:
        """Signs out"""
        self._connection.json("DELETE", '/admin/api/v1/session', query={"tenant": tenant})


class _Sessions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> SessionsListAnswer:
        """Who is signed in to the console, a page at a time, in the order in which they began"""
        return cast("SessionsListAnswer", self._connection.json("GET", '/admin/api/v1/sessions', query={"tenant": tenant, "after": after, "limit": limit}))

    def each(
        self,
        *,
        tenant: Optional[str] = None,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Session]:
        """Who is signed in to the console, a page at a time, in the order in which they began: all of them, one after the other"""
        while True:
            page = self.list(tenant=tenant, after=after, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]

    def end(
        self,
        *,
        id: str,
        tenant: Optional[str] = None,
    ) -> None:
        """Signs somebody out, on every gateway that shares sessions with this one"""
        self._connection.json("DELETE", f'/admin/api/v1/sessions/{quote(str(id), safe="")}', query={"tenant": tenant})


class _Alerts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
    ) -> AlertsListAnswer:
        """Who is told when something is wrong, and what became of it"""
        return cast("AlertsListAnswer", self._connection.json("GET", '/admin/api/v1/alerts'))

    def test(
        self,
        *,
        idempotency_key: Optional[str] = None,
    ) -> AlertsTestAnswer:
        """Sends a test to every receiver, and says what each of them answered"""
        return cast("AlertsTestAnswer", self._connection.json("POST", '/admin/api/v1/alerts/test', idempotency_key=idempotency_key))


class _Secrets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> SecretsListAnswer:
        """The names of the secrets in the store, and when they were changed"""
        return cast("SecretsListAnswer", self._connection.json("GET", '/admin/api/v1/secrets', query={"after": after, "limit": limit}))

    def each(
        self,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> Iterator[Secret]:
        """The names of the secrets in the store, and when they were changed: all of them, one after the other"""
        while True:
            page = self.list(after=after, limit=limit)
            yield from page["items"]
            if "next" not in page:
                return
            after = page["next"]

    def put(
        self,
        *,
        name: str,
        body: SecretsPutBody,
    ) -> Secret:
        """Keeps a secret, sealed; `store:NAME` in the configuration refers to it"""
        return cast("Secret", self._connection.json("PUT", f'/admin/api/v1/secrets/{quote(str(name), safe="")}', body=body or {}))

    def remove(
        self,
        *,
        name: str,
    ) -> None:
        """Removes a secret; a configuration that still refers to it is refused at its next reload"""
        self._connection.json("DELETE", f'/admin/api/v1/secrets/{quote(str(name), safe="")}')

    def rotate(
        self,
        *,
        body: SecretsRotateBody,
        idempotency_key: Optional[str] = None,
    ) -> SecretsRotateAnswer:
        """Brings some of the data keys under the master key in use; again with `next` until there is none"""
        return cast("SecretsRotateAnswer", self._connection.json("POST", '/admin/api/v1/secrets/rotate', body=body or {}, idempotency_key=idempotency_key))


class _Privacy:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def export(
        self,
        *,
        body: PrivacyExportBody,
        tenant: Optional[str] = None,
    ) -> PrivacyExportAnswer:
        """Everything that is kept of a user, or of a whole tenant, as one JSON text"""
        return cast("PrivacyExportAnswer", self._connection.json("POST", '/admin/api/v1/privacy/export', query={"tenant": tenant}, body=body or {}))

    def erase(
        self,
        *,
        body: PrivacyExportBody,
        tenant: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> PrivacyEraseAnswer:
        """Erases a user, or a whole tenant, and tells what remains, where and until when"""
        return cast("PrivacyEraseAnswer", self._connection.json("POST", '/admin/api/v1/privacy/erase', query={"tenant": tenant}, body=body or {}, idempotency_key=idempotency_key))


class _Contents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show(
        self,
        *,
        id: str,
        tenant: Optional[str] = None,
    ) -> ContentsShowAnswer:
        """What was asked and answered in an exchange, of tenants that have it kept; each look is audited"""
        return cast("ContentsShowAnswer", self._connection.json("GET", f'/admin/api/v1/contents/{quote(str(id), safe="")}', query={"tenant": tenant}))


class MillraceAdmin:
    """The admin API of a gateway.

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
        self.status = _Status(connection)
        self.upstreams = _Upstreams(connection)
        self.models = _Models(connection)
        self.queue = _Queue(connection)
        self.configured_keys = _ConfiguredKeys(connection)
        self.config = _Config(connection)
        self.prices = _Prices(connection)
        self.limits = _Limits(connection)
        self.budgets = _Budgets(connection)
        self.usage = _Usage(connection)
        self.exchanges = _Exchanges(connection)
        self.savings = _Savings(connection)
        self.costs = _Costs(connection)
        self.tenants = _Tenants(connection)
        self.teams = _Teams(connection)
        self.users = _Users(connection)
        self.keys = _Keys(connection)
        self.audit = _Audit(connection)
        self.session = _Session(connection)
        self.sessions = _Sessions(connection)
        self.alerts = _Alerts(connection)
        self.secrets = _Secrets(connection)
        self.privacy = _Privacy(connection)
        self.contents = _Contents(connection)

    def readyz(
        self,
    ) -> ReadyzAnswer:
        """Whether it takes work"""
        return cast("ReadyzAnswer", self._connection.json("GET", '/readyz'))

    def dependencies(
        self,
    ) -> DependenciesAnswer:
        """What the gateway stands on, and since when it is as it is"""
        return cast("DependenciesAnswer", self._connection.json("GET", '/healthz/deps'))
