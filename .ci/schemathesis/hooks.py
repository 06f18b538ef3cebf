"""What schemathesis cannot know of this API by the document alone, and two checks of its answers."""

import collections
import json
import os
import re

import schemathesis
from schemathesis import GenerationMode

STATUSES = collections.Counter()
RULES = collections.Counter()
SEEN = collections.Counter()

# Rules that no schema can say, by what the answer says of the one that was broken. A request that fits the document and is
# refused for anything else shows a fault of the document.
RULES_BEYOND_SCHEMAS = {
    "a cursor is good only for the list it came from": r"it was not given out for this list|^start again without it",
    "one day comes before another": r"`from` must be before `to`|it must be after the first day|the span starts after its end",
    "a record refers to others of its own backend": r"it must be (an account of|in) (the same|the provider's) backend"
    r"|it is in another backend than|cannot stand under itself|it must be an account of the backend that is asked",
    "members want one another": r"it is (required|due) with `\w+`|a password is due|^GET /v1/credentials searches without one",
    "members exclude one another": r"give one or the other|a method has one or the other|exactly one is due of|only a note that is pinned|a method of kind `CARD` has none",
    "a request asks for something": r"there is nothing to change|at least one of customer, organisation, contacts and accounts is due",
    "a list has no two items of one name, or of one register and instant": r"there is a reading of this register at this instant|it is named before",
    "a tax is less than its amount": r"it must be less than `amount`",
    "an amount is in the backend's currency, and in one there is": r"amounts are in [A-Z]{3}$|one of the three-letter codes of ISO 4217|it must be the currency of `amount`",
    "an amount asked for is above zero, a register never below": r"it must (be above|not be below) zero|never shows less than zero",
    "an amount that is paid out has the digits of its currency": r"it has more digits than the currency's minor unit",
    "numbers are held exactly: they have at most 28 digits": r"not a decimal number of at most 28 digits|: it must be a number$",
    "whole numbers are written without a fraction": r"invalid type: floating point `-?\d+\.0`",
    "`OTHER` is for what systems say, and says nothing to them": r"`OTHER` says nothing to the system",
    "a meter has its own registers, a service point its meters": r"no such meter at this service point|the meter has no such register",
    "a system lacks the member": r"this system has no such member|this system does not let it be changed here|this backend cannot take it",
    "a system wants a member that others can do without": r", naming .*\(RequiredMemberMissing\)$|the account has not just one ledger: name it",
    "a system cannot empty the member": r"this system cannot empty it|it cannot be emptied",
    "texts have no control characters": r"control character",
    "names of a system's own facts are texts like any": r"^`?/[a-z_/]*custom_attributes/`?: it must be 1 to 256 characters",
    "a native path and query stay what they are, however they are read": r"^`(path|query)`: ",
    "a GraphQL document can be read, and holds the operation named": r"it is not a GraphQL document|the document holds no operation of this name",
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes of right calls such as can be answered.

    A millisecond is a true wish, but what answers it is the clock. A cursor that was not given out is refused, whatever it looks
    like; every fourth is left to show that.
    """
    for name in list(case.headers or {}):
        if name.lower() == "request-timeout-ms" and re.fullmatch(r"\d{1,4}", str(case.headers[name])) and int(case.headers[name]) > 0:
            case.headers[name] = "20000"
    positive = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if positive and "cursor" in (case.query or {}):
        SEEN["cursors"] += 1
        if SEEN["cursors"] % 4:
            del case.query["cursor"]


@schemathesis.hook
def after_call(context, case, response):
    STATUSES[str(response.status_code)] += 1
    with open(os.environ["COUNTS"], "w", encoding="utf-8") as file:
        json.dump({"statuses": STATUSES, "rules": RULES}, file)


@schemathesis.check
def problems(ctx, response, case):
    """Every failure is a problem document of its own status, but for a system's own refusal of a native call."""
    if response.status_code < 400 or "intertie-native" in response.headers:
        return
    media = (response.headers.get("content-type") or [""])[0]
    assert media == "application/problem+json", f"{response.status_code} with {media!r}"
    if case.method.upper() == "HEAD":
        return
    problem = response.json()
    assert problem["status"] == response.status_code, f"status {problem['status']} inside of {response.status_code}"
    assert problem["code"] and problem["detail"] and problem["request_id"], "a problem without code, detail or request id"
    assert problem["code"] != "internal", "a failure of the gateway itself"


@schemathesis.check
def refusals(ctx, response, case):
    """A request that fits the document is refused only by a rule that no schema can say."""
    if response.status_code not in (400, 422) or case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if "intertie-native" in response.headers:
        return
    detail = response.json()["detail"]
    # What a system named belongs to what it said.
    for fault in detail.replace("; it named", ", naming").split("; "):
        for rule, words in RULES_BEYOND_SCHEMAS.items():
            if re.search(words, fault):
                RULES[rule] += 1
                break
        else:
            raise AssertionError(f"a fitting request was refused: {fault}")
