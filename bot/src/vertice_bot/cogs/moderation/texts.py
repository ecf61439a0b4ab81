"""What the moderation commands say. Errors say what to do next."""

from __future__ import annotations

from vertice_bot.db.repos.cases import CaseKind, CaseStatus, Notice
from vertice_bot.services.moderation.hierarchy import Refusal

WARN_DESCRIPTION = "Warn a member: opens a numbered case and tells them by direct message"
WARN_MEMBER = "Who is warned"
WARN_REASON = "Why; the member reads this"
WARN_PUBLIC = "Also say it in this channel (without the reason)"

CASES_DESCRIPTION = "Show the moderation cases of this server, newest first"
CASES_MEMBER = "Only cases of this member"
CASES_PAGE = "Which page"

REFUSALS = {
    Refusal.YOURSELF: "You cannot warn yourself. Choose another member.",
    Refusal.THIS_BOT: "I cannot be warned. Choose another member.",
    Refusal.A_BOT: "Bots cannot read a warning. Ask whoever added it to remove or fix it.",
    Refusal.OWNER: "The owner of the server cannot be warned. Talk to them directly.",
    Refusal.ABOVE_YOU: (
        "{member} has the same highest role as you or a higher one. "
        "Ask somebody with a higher role to do this."
    ),
    Refusal.ABOVE_THE_BOT: (
        "{member} has a role above mine. "
        "Ask an administrator to move my role up in Server Settings, Roles."
    ),
}
NOT_HERE = (
    "{member} is not in this server, so a warning would not reach them. Their cases are in /cases."
)
STILL_LOADING = "I have just started and do not know this server yet. Try again in a few seconds."
NOT_A_MODERATOR = "You need the permission Timeout Members to look at cases."

WARNED = "Case #{number}: {member} was warned."
WARNED_BEFORE = "This warning is in the book already, as case #{number}."
PENDING = (
    "Case #{number} is written down, but I could not finish it. "
    "It settles itself within two minutes; look at it with /cases."
)
NOTICES = {
    Notice.WAITING: "",
    Notice.SENT: "They got a direct message with the reason.",
    Notice.REFUSED: "They do not accept direct messages from me, so please tell them yourself.",
    Notice.FAILED: "Discord did not take my direct message, so please tell them yourself.",
    Notice.UNKNOWN: "Whether my direct message arrived is not known, so please tell them yourself.",
}
PUBLIC_NOTE = "⚠️ {member} was warned by a moderator (case #{number})."

NOTICE_TITLE = "You were warned in {guild}"
NOTICE_TEXT = "**Reason:** {reason}"
NOTICE_FOOTER = "Case #{number} · if you think this is wrong, talk to the moderators of the server"
SOME_SERVER = "a server"

LOG_TITLE = "Case #{number} · {kind}"
LOG_MEMBER = "Member"
LOG_MODERATOR = "Moderator"
LOG_NOTICE = "Direct message"
LOG_NOTICES = {
    Notice.WAITING: "not yet",
    Notice.SENT: "delivered",
    Notice.REFUSED: "not accepted by the member",
    Notice.FAILED: "not taken by Discord",
    Notice.UNKNOWN: "unknown",
}

BOOK_TITLE = "Moderation cases"
BOOK_OF = "Cases of {member}"
BOOK_EMPTY = "There are no cases yet."
BOOK_EMPTY_OF = "There are no cases of {member}."
BOOK_LINE = "{mark} **#{number}** {kind} · {member} · by {moderator} · {time}{state}\n> {reason}"
BOOK_FOOTER = "Page {page} of {pages} · {total}"
CASES = {1: "1 case"}
CASES_MANY = "{total} cases"
NEWER = "Newer"
OLDER = "Older"

KINDS = {CaseKind.WARN: "Warning"}
MARKS = {CaseStatus.APPLIED: "🟡", CaseStatus.PENDING: "⏳", CaseStatus.FAILED: "✖️"}
STATUSES = {
    CaseStatus.APPLIED: "",
    CaseStatus.PENDING: " · pending",
    CaseStatus.FAILED: " · failed",
}
BOOK_NOTICES = {
    Notice.REFUSED: " · not told",
    Notice.FAILED: " · not told",
    Notice.UNKNOWN: " · perhaps told",
}
