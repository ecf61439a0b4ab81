// State, live updates, and the wiring of the page.
import { $, call, h, hue } from "./dom.js";
import { Composer } from "./composer.js";
import { message } from "./messages.js";
import { Panel } from "./panel.js";

const store = (key, value) => { try { if (value === undefined) return localStorage.getItem(key); localStorage.setItem(key, value); } catch { /* private mode: nothing is remembered */ } return null; };
const state = { guild: null, channel: null, me: null, notes: [] };
const KEEP = 200;
let world, composer, panel;

const context = {
  get me() { return state.me; },
  get channel() { return state.channel; },
  guild: () => world.guilds.find((one) => one.id === state.guild),
  member: (id) => context.guild()?.members.find((one) => one.user.id === id),
  user: (id) => world.users.find((one) => one.id === id),
  displayName: (user) => context.member(user.id)?.nick || user.global_name || user.username,
  userName: (id) => { const user = context.user(id); return user && context.displayName(user); },
  roleName: (id) => context.guild()?.roles.find((one) => one.id === id)?.name,
  channelName: (id) => context.guild()?.channels.find((one) => one.id === id)?.name,
  channelLabel: () => { const direct = directUser(); return direct ? direct.username : context.channelName(state.channel) || ""; },
  nameColour: (id) => {
    const member = context.member(id);
    const roles = context.guild()?.roles.filter((one) => member?.roles.includes(one.id) && one.color) || [];
    roles.sort((a, b) => b.position - a.position);
    return roles.length ? "#" + roles[0].color.toString(16).padStart(6, "0") : "inherit";
  },
  commands: () => world.bots.map((bot) => ({ ...bot, commands: (directUser() ? bot.global_commands : bot.commands[state.guild]) || [] })),
  pickable: (type) => {
    const users = (context.guild()?.members || []).map((one) => [one.user.id, "@" + context.displayName(one.user)]);
    const roles = (context.guild()?.roles || []).map((one) => [one.id, "@" + one.name.replace(/^@/, "")]);
    if (type === 5) return users;
    if (type === 6) return roles;
    if (type === 7) return [...users, ...roles];
    return (context.guild()?.channels || []).map((one) => [one.id, "#" + one.name]);
  },
  react: async (data, emoji) => {
    const mine = { channel_id: data.channel_id, message_id: data.id, user_id: state.me, emoji };
    const { changed } = await call("POST", "/reactions", mine);
    if (!changed) await call("POST", "/reactions", { ...mine, on: false });
  },
  fail: (text) => { $("error").textContent = text; $("error").hidden = false; },
};

function directUser() {
  const direct = world.directs.find((one) => one.id === state.channel);
  return direct?.recipients.find((one) => one.id !== state.me);
}

// ---------------------------------------------------------------- drawing

function drawSides() {
  const guild = context.guild();
  $("rail").replaceChildren(h("img", { src: "/_page/mark.svg", alt: "Vértice", width: 44, height: 44 }), ...world.guilds.map((one) =>
    h("button", { type: "button", title: one.name, class: one.id === state.guild ? "on" : "", style: { "--hue": hue(one.id) }, onclick: () => select(one.id) },
      one.name.split(/\s+/).map((word) => word[0]).join("").slice(0, 3))));
  $("guild-name").textContent = guild.name;
  const bots = world.bots.filter((bot) => bot.commands[guild.id]);
  $("channels").replaceChildren(h("h3", {}, "Channels"), ...guild.channels.filter((one) => one.type === 0).map((one) => entry(one.id, "#", one.name)),
    h("h3", {}, "Direct messages"), ...bots.map((bot) => {
      const known = world.directs.find((one) => one.recipients.some((u) => u.id === bot.id) && one.recipients.some((u) => u.id === state.me));
      return h("button", { type: "button", class: known && known.id === state.channel ? "channel on" : "channel", onclick: () => openDirect(bot.id) }, h("i", {}, "@"), bot.name);
    }));
  const people = guild.members.filter((one) => !one.user.bot);
  $("who").replaceChildren(...people.map((one) => h("option", { value: one.user.id, selected: one.user.id === state.me }, context.displayName(one.user))));
  const roles = context.member(state.me)?.roles.map((id) => context.roleName(id)) || [];
  $("who-role").textContent = guild.owner_id === state.me ? "owner" : roles.join(", ") || "member";
}

function entry(id, sign, name) {
  return h("button", { type: "button", class: id === state.channel ? "channel on" : "channel", onclick: () => select(state.guild, id) }, h("i", {}, sign), name);
}

function drawHead() {
  const direct = directUser();
  document.querySelector("main .hash").textContent = direct ? "@" : "#";
  $("channel-name").textContent = context.channelLabel();
  $("topic").textContent = direct ? "Direct message" : context.guild().channels.find((one) => one.id === state.channel)?.topic || "";
}

function drawLog() {
  const log = $("log");
  const low = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  const visible = (world.messages[state.channel] || []).filter((one) => !one.only_for || one.only_for === state.me);
  const notes = state.notes.filter((one) => one.channel === state.channel && one.user === state.me);
  const nodes = visible.map((one, index) => message(one, context, visible[index - 1]));
  log.replaceChildren(h("div", { class: "start" }, h("h2", {}, (directUser() ? "@" : "#") + context.channelLabel()), h("p", {}, "This is where it begins.")),
    ...nodes, ...notes.map((one) => h("div", { class: "note" }, one.text)));
  if (low) log.scrollTop = log.scrollHeight;
  for (const picture of log.querySelectorAll("img")) if (low) picture.addEventListener("load", () => { log.scrollTop = log.scrollHeight; }, { once: true });
}

function drawAll() {
  drawSides();
  drawHead();
  drawLog();
}

// ---------------------------------------------------------------- choosing

function select(guild, channel) {
  state.guild = guild;
  const found = context.guild().channels.filter((one) => one.type === 0);
  state.channel = channel || (found.find((one) => one.name === "bot-commands") || found[0])?.id;
  store("channel", state.channel);
  drawAll();
  $("log").scrollTop = $("log").scrollHeight;
  composer?.plain();
  composer?.focus();
}

async function openDirect(bot) {
  const made = await call("POST", "/directs", { user_id: state.me, bot_id: bot });
  if (!world.directs.some((one) => one.id === made.id)) world.directs.push(made);
  state.channel = made.id;
  drawAll();
  composer.plain();
  composer.focus();
}

// ---------------------------------------------------------------- live

function change(name, data) {
  const list = (world.messages[data.channel_id] ||= []);
  const at = list.findIndex((one) => one.id === (data.message_id || data.id));
  if (name.endsWith("MESSAGE_CREATE")) list.push(data);
  else if (name.endsWith("MESSAGE_UPDATE") && at >= 0) list[at] = data;
  else if (name === "MESSAGE_DELETE_BULK") world.messages[data.channel_id] = list.filter((one) => !data.ids.includes(one.id));
  else if ((name === "MESSAGE_DELETE" || name === "_EPHEMERAL_DELETE") && at >= 0) list.splice(at, 1);
  else if (name.startsWith("MESSAGE_REACTION") && at >= 0) react(list[at], data, name.endsWith("ADD") ? 1 : -1);
  if (list.length > KEEP) list.splice(0, list.length - KEEP);
  if (data.channel_id === state.channel) drawSoon();
}

let drawing = false;
function drawSoon() { // a burst of messages costs one drawing a frame
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawLog(); });
}

function react(target, data, step) {
  const found = target.reactions.find((one) => one.emoji.name === data.emoji.name);
  if (found) found.count += step;
  else target.reactions.push({ emoji: data.emoji, count: 1 });
  target.reactions = target.reactions.filter((one) => one.count > 0);
}

let reloading = null;
function reload() {
  reloading ||= setTimeout(async () => {
    reloading = null;
    world = await (await fetch("/_page/state")).json();
    if (!context.guild()) state.guild = world.guilds[0].id;
    panel.update(world);
    drawAll();
  }, 100);
}

let typingEnds = null;
function typing(data) {
  if (data.channel_id !== state.channel || data.user_id === state.me) return;
  $("typing").textContent = `${context.userName(data.user_id)} is typing…`;
  clearTimeout(typingEnds);
  typingEnds = setTimeout(() => { $("typing").textContent = ""; }, 8000);
}

function interaction(data) {
  if (data.user_id !== state.me) return;
  if (data.state === "failed") {
    state.notes.push({ channel: data.channel_id, user: data.user_id, text: `${data.label}: the application did not respond in time.` });
    drawLog();
  }
  if (data.what === "answered" && data.modal) modal(data);
}

function modal(data) {
  const fields = flattenModal(data.modal.components || []);
  const box = $("modal");
  box.replaceChildren(h("form", { method: "dialog", onsubmit: async (event) => {
    const values = Object.fromEntries(new FormData(event.target));
    try { await call("POST", "/modals", { interaction_id: data.id, values }); } catch (error) { context.fail(error.message); }
  } }, h("h2", {}, data.modal.title), fields.map((one) => h("label", {}, h("span", {}, one.label || one.custom_id),
    one.style === 2
      ? h("textarea", { name: one.custom_id, rows: "4", required: one.required !== false, placeholder: one.placeholder || "" }, one.value || "")
      : h("input", { name: one.custom_id, value: one.value || "", required: one.required !== false, placeholder: one.placeholder || "" }))),
    h("div", { class: "row" }, h("button", { type: "button", class: "btn secondary", onclick: () => box.close() }, "Cancel"), h("button", { class: "btn primary" }, "Submit"))));
  box.showModal();
}

function flattenModal(items, label) {
  return items.flatMap((one) => one.components ? flattenModal(one.components) : one.component ? flattenModal([one.component], one.label) : one.custom_id ? [{ ...one, label: one.label || label }] : []);
}

function listen() {
  const stream = new EventSource("/_page/stream");
  let broken = false;
  stream.onopen = () => { document.body.classList.remove("offline"); if (broken) reload(); broken = false; };
  stream.onerror = () => { broken = true; document.body.classList.add("offline"); };
  stream.addEventListener("reload", reload);
  stream.addEventListener("gateway", (event) => panel.update(JSON.parse(event.data)));
  stream.addEventListener("ledger", (event) => panel.add(JSON.parse(event.data)));
  stream.addEventListener("event", (event) => {
    const { name, data } = JSON.parse(event.data);
    if (name === "TYPING_START") typing(data);
    else if (name === "_INTERACTION") interaction(data);
    else if (/^(MESSAGE_|_EPHEMERAL_)/.test(name)) { $("typing").textContent = ""; change(name, data); }
    else reload();
  });
}

async function start() {
  world = await (await fetch("/_page/state")).json();
  const remembered = store("channel");
  const home = world.guilds.find((one) => one.channels.some((channel) => channel.id === remembered)) || world.guilds[0];
  state.guild = home.id;
  state.me = home.members.some((one) => one.user.id === store("me") && !one.user.bot) ? store("me") : home.owner_id;
  $("who").addEventListener("change", (event) => { state.me = event.target.value; store("me", state.me); select(state.guild, directUser() || context.channelName(state.channel) ? state.channel : undefined); });
  $("toggle").addEventListener("click", () => { const off = document.body.classList.toggle("no-panel"); $("toggle").setAttribute("aria-pressed", String(!off)); });
  panel = new Panel(world);
  select(home.id, home.channels.some((one) => one.id === remembered) ? remembered : undefined);
  composer = new Composer(context);
  composer.focus();
  listen();
  document.body.dataset.ready = "yes";
}

start();
