"""What ``/stats`` says. Errors say what to do next."""

from __future__ import annotations

from vertice_bot.services.activity.periods import Period

STATS_DESCRIPTION = "How many messages were written here, with a chart"
STATS_PERIOD = "How far back to look (24 hours when left out)"
STATS_CHANNEL = "Only this channel"

PERIODS = {
    Period.DAY: "Last 24 hours",
    Period.WEEK: "Last 7 days",
    Period.MONTH: "Last 30 days",
}
CHART_TITLES = {
    Period.DAY: "Messages per hour",
    Period.WEEK: "Messages per 6 hours",
    Period.MONTH: "Messages per day",
}
CHART_NOTE = "{period}, times in UTC"

TITLE = "Activity · {period}"
TOTAL = "{messages} by {members} in {channels}"
MESSAGES = ("**{n}** message", "**{n}** messages")
MEMBERS = ("**{n}** member", "**{n}** members")
CHANNELS = ("**{n}** channel", "**{n}** channels")
CHANGE = "\n{change} against the period before"
EMPTY = (
    "No messages were counted in this time. I count from the moment I join, "
    "in channels that I can see."
)
TOP_CHANNELS = "Busiest channels"
TOP_MEMBERS = "Most active members"
RANK = "`{rank}` {who} · {messages}"
HIDDEN = "You cannot see that channel. Choose one that you can open."
NO_CHART = "The chart could not be drawn this time; the numbers are complete. Try again later."
PICTURE_TEXT = "Bar chart: {title}, {period}"
