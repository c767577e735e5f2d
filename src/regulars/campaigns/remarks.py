"""What a careful reader would change in words before they go out: what costs, what is left out. Never a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from regulars.campaigns import sms
from regulars.campaigns.campaign import Campaign
from regulars.campaigns.template import Template
from regulars.check import Finding
from regulars.consent.channel import Purpose

# "Stop by" and "cancel anytime" tell nobody how to leave.
_LEAVING = re.compile(
    r"\bstop(?:all)?\b(?!\s+(?:by|in|over)\b)|\bunsub(?:scribe)?(?:_url)?\b|\bopt(?:ing)?[ -]?out\b"
    r"|\b(?:arr[eê]t|stopper|alto|baja|parar|sair|d[ée]sinscri\w*|d[ée]sabonn\w*)\b"
    r"|\b(?:reply|text|send|txt|respond\w*|env[ií]\w*)\s+(?:with\s+)?\W?(?:cancel(?:ar)?|end|quit|remove|leave)\b",
    re.IGNORECASE,
)


def remarks(campaign: Campaign) -> list[Finding]:
    """Return what a careful reader would change in each text of a campaign; `where` names the variant."""
    return [
        one for variant, template in campaign.templates.items() if template is not None
        for one in remarks_on(template, purpose=campaign.purpose, where=f"variants.{variant}" if variant else "")
    ]


def remarks_on(template: Template, *, purpose: Purpose, where: str = "") -> list[Finding]:
    """Return what a careful reader would change in a message; what cannot be sent at all is found by `parse`."""
    found = list(_of_text(template, purpose, where)) if template.channel == "sms" else []
    if template.channel == "email" and template.subject.isupper():
        found.append(Finding(
            name="subject-shouts", status="warning", where=where, message="the subject is all capitals",
            hint="write it as you would say it",
        ))
    return found


def _of_text(template: Template, purpose: Purpose, where: str) -> Iterator[Finding]:
    for offender in sms.count(sms.plain(template.text)).offenders:
        hint = f"write {offender.replacement!r}" if offender.replacement else "leave it out"
        yield Finding(
            name="segment-alphabet", status="warning", hint=hint, where=where,
            message=f"{offender.character!r} ({offender.name}) makes a segment 70 characters instead of 160",
        )
    if purpose == "marketing" and _LEAVING.search(template.text) is None:
        yield Finding(
            name="says-how-to-leave", status="warning", message="the text does not say how to leave",
            hint="add: Reply STOP to opt out", where=where,
        )
