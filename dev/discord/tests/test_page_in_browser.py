"""The page as a person uses it: in a real browser, with stock discord.py as the bot."""

import io
from collections.abc import Awaitable, Callable
from typing import Protocol

import discord as discordpy
import matplotlib as mpl
import pytest
from discord import app_commands

from dev.discord.judge import StockBot, pointed_at, run
from dev.discord.thread import DiscordThread

pytestmark = pytest.mark.processes

mpl.use("Agg")


class Page(Protocol):
    problems: list[object]

    async def evaluate(self, expression: str) -> object: ...
    async def until(self, expression: str) -> None: ...
    async def shows(self, text: str, where: str = "body") -> None: ...
    async def type(self, text: str) -> None: ...
    async def enter(self) -> None: ...


OpenPage = Callable[[str], Awaitable[Page]]


def picture() -> io.BytesIO:
    from matplotlib.figure import Figure

    found = io.BytesIO()
    Figure(figsize=(2, 1)).savefig(found, format="png")
    found.seek(0)
    return found


class Form(discordpy.ui.Modal, title="Why?"):
    why: discordpy.ui.TextInput["Form"] = discordpy.ui.TextInput(label="Reason")

    async def on_submit(self, interaction: discordpy.Interaction) -> None:
        await interaction.response.send_message(f"because {self.why.value}", ephemeral=True)


class Ask(discordpy.ui.View):
    @discordpy.ui.button(label="Explain")
    async def explain(
        self, interaction: discordpy.Interaction, _: discordpy.ui.Button["Ask"]
    ) -> None:
        await interaction.response.send_modal(Form())


def add_commands(bot: StockBot) -> None:
    @bot.tree.command(description="Warns a member")
    async def warn(
        interaction: discordpy.Interaction, member: discordpy.Member, reason: str
    ) -> None:
        await interaction.response.defer()
        embed = discordpy.Embed(title="Case 1", description=f"{member.mention}: {reason}")
        embed.set_image(url="attachment://chart.png")
        file = discordpy.File(picture(), "chart.png")
        await interaction.followup.send(embed=embed, file=file, view=Ask())

    @bot.tree.command(description="Shows a tag")
    async def tag(interaction: discordpy.Interaction, name: str) -> None:
        await interaction.response.send_message(f"tag {name}")

    @tag.autocomplete("name")
    async def names(_: discordpy.Interaction, current: str) -> list[app_commands.Choice[str]]:
        known = ("rules", "roadmap", "faq")
        return [app_commands.Choice(name=n, value=n) for n in known if n.startswith(current)]


@pytest.fixture
async def bot(discord: DiscordThread):  # type: ignore[no-untyped-def]  # a generator of one bot
    with pointed_at(discord.api_base, discord.gateway_url):
        stock = StockBot()
        add_commands(stock)
        running = run(stock, discord.token)

        async def ready() -> bool:
            return stock.seen.ready > 0

        await discord.script.until(ready, "READY", within=20)
        yield stock
        await running.stop()


async def test_a_person_talks_to_the_bot(
    discord: DiscordThread, bot: StockBot, open_page: OpenPage
) -> None:
    page = await open_page(discord.page_url)
    await page.shows("shard 0", "#panel")
    await page.type("Hello **there** <script>alert(1)</script>")
    await page.enter()
    await page.shows("<script>alert(1)</script>", "#log")
    await page.until(
        "document.querySelector('#log strong:not(.head strong)').innerText === 'there'"
    )

    await page.type("/wa")
    await page.shows("Warns a member", "#menu")
    await page.enter()
    await page.type("ni")
    await page.shows("@Nina", "#menu")
    await page.enter()
    await page.type("spam")
    await page.enter()
    await page.shows("Case 1", "#log")
    await page.shows("@Nina: spam", "#log .embed")
    await page.until("(document.querySelector('.embed img') || {}).naturalWidth > 0")

    await page.evaluate("document.querySelector('.btn').click()")
    await page.until("document.getElementById('modal').open")
    await page.evaluate("document.querySelector('#modal input').value = 'of spam'")
    await page.evaluate("document.querySelector('#modal .primary').click()")
    await page.shows("because of spam", "#log .ephemeral")
    assert bot.seen.ready == 1
    assert page.problems == []


async def test_autocomplete_and_another_user(
    discord: DiscordThread, bot: StockBot, open_page: OpenPage
) -> None:
    page = await open_page(discord.page_url)
    await page.until("document.querySelectorAll('.shard').length === 1")
    home = await discord.script.home()
    await page.evaluate(
        "(w => { w.value = '" + home.user("nina") + "'; w.dispatchEvent(new Event('change')); })"
        "(document.getElementById('who'))"
    )
    await page.shows("member", "#who-role")
    await page.type("/tag")
    await page.enter()
    await page.type("r")
    await page.shows("roadmap", "#menu")
    await page.enter()
    await page.enter()
    await page.shows("tag rules", "#log")
    await page.shows("Nina", "#log .origin")
    assert page.problems == []


async def test_a_hand_over_is_seen_live(
    discord: DiscordThread, bot: StockBot, open_page: OpenPage
) -> None:
    page = await open_page(discord.page_url)
    await page.shows("identified", "#panel .handovers")
    await discord.script.cut()
    await page.shows("resumed", "#panel .handovers")
    await page.shows("gap", "#panel .handovers")


async def test_without_a_bot_the_page_says_how_to_start_one(
    discord: DiscordThread, open_page: OpenPage
) -> None:
    page = await open_page(discord.page_url)
    await page.shows(f"DISCORD_API_BASE={discord.api_base}", "#panel")
    await page.type("/nothing")
    await page.shows("No such command", "#menu")
