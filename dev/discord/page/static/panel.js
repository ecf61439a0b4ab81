// The right side: shards, sessions, replicas and hand-overs, live.
import { $, fill, h, hue } from "./dom.js";

const KEEP = 60;

export class Panel {
  constructor(state) {
    this.history = state.history;
    this.update(state);
  }

  add(entry) {
    this.history = [...this.history, entry].slice(-KEEP);
    this.draw();
  }

  update(view) {
    this.last = view;
    this.bots = view.bots || this.bots;
    this.draw();
  }

  draw() {
    const { sessions, replicas, counts } = this.last;
    const lines = this.history.map((entry) => this.line(entry)).filter(Boolean).reverse();
    fill($("panel"),
      h("header", {}, h("h2", {}, "Shards and replicas"), h("span", { class: sessions.some((s) => s.connected) ? "live on" : "live" }, sessions.some((s) => s.connected) ? "live" : "idle")),
      h("div", { class: "stats" }, stat("events", counts.event), stat("dispatched", counts.dispatch), stat("identify", counts.identify), stat("resume", counts.resume)),
      this.bots.map((bot) => this.shards(bot, sessions.filter((one) => one.bot === bot.id))),
      replicas.length > 0 && h("section", {}, h("h3", {}, "Replicas"), replicas.map(replica)),
      h("section", {}, h("h3", {}, "Hand-overs"),
        lines.length ? h("ol", { class: "handovers" }, lines) : h("p", { class: "empty" }, "Nothing yet. Restart or scale the bot and watch a shard move.")));
  }

  shards(bot, sessions) {
    const count = Math.max(0, ...sessions.map((one) => one.shard_count));
    const cells = [];
    for (let shard = 0; shard < count; shard++) {
      const mine = sessions.filter((one) => one.shard === shard);
      cells.push(...(mine.length ? mine.map((one) => card(one, mine)) : [h("div", { class: "shard none" }, h("b", {}, `shard ${shard}`), h("span", {}, "nobody"))]));
    }
    return h("section", {}, h("h3", {}, bot.name, h("small", {}, bot.refused ? " token refused" : count ? ` ${count} shard${count > 1 ? "s" : ""}` : "")),
      count ? h("div", { class: "shards" }, cells) : h("div", { class: "nobody" },
        h("p", {}, "No bot is connected yet. Start one with"),
        h("pre", {}, `DISCORD_API_BASE=${location.origin}/api/v10\nDISCORD_GATEWAY_URL=${location.origin.replace("http", "ws")}`)));
  }

  // The replica behind an address, where only one has it: on loopback all have the same.
  name(source) {
    const address = source.slice(0, source.lastIndexOf(":"));
    const found = this.last.replicas.filter((one) => one.address === address);
    return found.length === 1 ? found[0].replica : source;
  }

  line(entry) {
    const when = new Date(entry.at * 1000).toLocaleTimeString();
    if (entry.kind === "identify") {
      return h("li", { class: entry.accepted ? "identify" : "bad" }, h("time", {}, when), h("b", {}, `shard ${entry.shard}`),
        entry.accepted ? " identified" : " identify refused", h("small", {}, `${this.name(entry.source)} · ${entry.remaining} left`));
    }
    if (entry.kind === "resume" && !entry.accepted) {
      return h("li", { class: "bad" }, h("time", {}, when), " resume refused", h("small", {}, entry.reason));
    }
    if (entry.kind === "resume") {
      const gap = entry.gap_seconds === null ? "" : ` · gap ${milliseconds(entry.gap_seconds)}`;
      return h("li", { class: "resume" }, h("time", {}, when), h("b", {}, `shard ${entry.shard}`), ` resumed · ${entry.replayed} replayed${gap}`,
        h("small", {}, `${this.name(entry.previous_source)} → ${this.name(entry.source)}`));
    }
    if (entry.kind === "session" && entry.state === "dead") {
      return h("li", { class: "bad" }, h("time", {}, when), h("b", {}, `shard ${entry.shard}`), " session ended", h("small", {}, entry.reason));
    }
    return null;
  }
}

const milliseconds = (seconds) => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
const stat = (label, value) => h("div", {}, h("b", {}, Number(value).toLocaleString()), h("span", {}, label));

function age(since) {
  const s = Math.max(0, Date.now() / 1000 - since);
  if (s < 90) return `${Math.round(s)} s`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}

function card(session, all) {
  const owner = session.replica || session.source;
  const open = all.filter((one) => one.connected).length;
  return h("div", { class: session.connected ? "shard" : "shard away", style: { "--hue": hue(session.replica || session.source) } },
    h("b", {}, `shard ${session.shard}`),
    h("span", { class: "owner" }, owner),
    h("small", {}, session.connected ? `for ${age(session.since)} · seq ${session.seq}` : `waiting for RESUME, ${session.detached_for?.toFixed(0)} s`),
    h("small", {}, `${session.resumes} resume${session.resumes === 1 ? "" : "s"} · ${session.codec.replace("-stream", "")}`),
    open > 1 && session.connected && h("em", {}, `${open} sessions on this shard`));
}

function replica(item) {
  const shards = (item.shards || []).map((one) => h("i", { title: one.state, class: "chip " + String(one.state).toLowerCase() }, String(one.id)));
  const state = !item.ok ? "unreachable" : item.draining ? "draining" : item.role || "up";
  return h("div", { class: "replica " + state, style: { "--hue": hue(item.replica || item.address) } },
    h("b", {}, item.replica || item.address), h("span", { class: "state" }, state),
    h("small", {}, [item.revision && `rev ${item.revision}`, item.address, item.version && `v${item.version}`].filter(Boolean).join(" · ")),
    h("div", { class: "chips" }, shards),
    (item.degraded || []).map((one) => h("em", {}, `${one.part}: ${one.reason}`)));
}
