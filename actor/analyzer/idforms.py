"""The ways posts write subnet numbers, as one regular expression over lowered text.

SN45, sn 45, sn-45, #SN45, subnet 45, subnet #45, netuid 45, subnets 4 and 45, subnets 1, 4 & 45. Not a mention:
SN450 for SN45, "subnet 10.0.0.0/8", "subnets 1-5" (a range names none of them), "subnet 4 and 5 others", "a subnet
2 weeks ago", "a subnet (64 miners)".
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ID_FORMS", "ids_in"]

_NUMBER: Final = r"(?:0?[0-9]|[1-9][0-9]{1,2})(?!\w)"

_TIME: Final = r"days?|hours?|weeks?|months?|years?|min(?:ute)?s?"
# What makes a number after "and" or a comma a count of something, not another subnet.
_UNIT: Final = (
    r"\s?%|\s?(?:k|m|bn?|x|th|st|nd|rd|am|pm|[gtm]b)\b"
    rf"|\s(?:\w+\s)?(?:others?|more|times|{_TIME}|percent|million|billion)\b"
    r"|\s(?:tao|τ|usd|dollars?|people|new|different|big|good|great|top|main|key|of)\b"
)
# After a singular head ("subnet 4 and 45 …") any plural noun is counted too.
_VERBS_IN_S: Final = r"is|was|has|does|as|its|this|vs|plus|thus|always|looks|gets|keeps|needs|makes|seems|just"
_PLURAL: Final = rf"\s(?!(?:{_VERBS_IN_S})\b)[a-z]+s\b"
# A number that goes on (1.5, 1,024, 10/24, 1-5) or is a share (20%) is no subnet number.
_END: Final = r"(?![.,/\-][0-9]|\s?%)"

_AND: Final = r"(?:\s?[&+]\s?|\s(?:and|or|n|vs\.?|und|y|et|e)\s)"
_COMMA: Final = r"\s?,\s?(?:(?:and|or)\s|&\s?)?"
_ITEM: Final = rf"[#$]?{_NUMBER}"
_PAIR: Final = rf"(?:(?:{_COMMA}{_ITEM})*{_AND}{_ITEM}(?!{_UNIT}|{_PLURAL}))?"
_LIST: Final = rf"(?:(?:{_COMMA}|{_AND}|\s?/\s?){_ITEM}(?!{_UNIT}))*"

_OF: Final = r"(?:[\s\-_]?(?:id|uid|no\.?|nr\.?|number))?"
_ONE: Final = (
    rf"(?:\s?[:=(]\s?#?{_NUMBER}(?!{_UNIT}|{_PLURAL})|(?:[\-_]|\s?#\s?|\s)?{_NUMBER}(?!\s(?:{_TIME})\b)){_PAIR}"
)
_MANY: Final = rf"(?:\s?[:=#(]\s?#?|\s)?{_NUMBER}{_LIST}"

# Every form begins with its first letter alone, which the search jumps to; what stands before is looked at then.
_AFTER_S: Final = (
    rf"n(?:\s?[#\-_]\s?|\s)?{_NUMBER}(?:/{_ITEM}|{_PAIR})|ubnet{_OF}{_ONE}|ns\s?#?{_NUMBER}{_LIST}|ubnets{_OF}{_MANY}"
)
_AFTER_N: Final = rf"etuid{_ONE}|etuids{_MANY}"
ID_FORMS: Final = rf"(?:s(?<!\ws)(?:{_AFTER_S})|n(?<!\wn)(?:{_AFTER_N})){_END}"

_DIGITS: Final = re.compile(r"[0-9]+")


def ids_in(form: str) -> list[int]:
    """Return the numbers in a piece of text that `ID_FORMS` matched."""
    return [int(digits) for digits in _DIGITS.findall(form)]
