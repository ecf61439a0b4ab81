// The box below the messages: text, or a command with its options.
import { $, call, h } from "./dom.js";

const SUB = 1, GROUP = 2, INTEGER = 4, BOOLEAN = 5, USER = 6, CHANNEL = 7, ROLE = 8, MENTIONABLE = 9, NUMBER = 10;

export class Composer {
  constructor(context) {
    this.context = context;
    this.command = null;
    this.items = [];
    this.active = 0;
    $("box").addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.plain();
  }

  plain(text = "") {
    this.command = null;
    this.input = h("textarea", {
      id: "text", rows: "1", placeholder: `Message #${this.context.channelLabel()}  —  or / for commands`,
      "aria-label": "Message", oninput: () => this.typed(), onkeydown: (event) => this.key(event),
    });
    this.input.value = text;
    $("box").replaceChildren(this.input);
    this.menu([]);
  }

  focus() {
    $("box").querySelector("textarea,input,select")?.focus();
  }

  // ------------------------------------------------------------ choosing a command

  typed() {
    $("error").hidden = true;
    const text = this.input.value;
    this.input.rows = Math.min(8, text.split("\n").length);
    if (!text.startsWith("/") || text.includes("\n")) return this.menu([]);
    const wanted = text.slice(1).toLowerCase();
    const found = flatten(this.context.commands()).filter((one) => one.label.includes(wanted));
    found.sort((a, b) => b.label.startsWith(wanted) - a.label.startsWith(wanted) || a.label.localeCompare(b.label));
    this.menu(found.slice(0, 12).map((one) => ({
      node: [h("b", {}, "/" + one.label), options(one).map((o) => h("code", {}, o.name)), h("small", {}, one.description), h("em", {}, one.bot)],
      pick: () => this.begin(one),
    })), wanted && !found.length ? "No such command. Commands appear here once a bot has registered them." : null);
  }

  menu(items, note = null) {
    this.items = items;
    this.active = 0;
    const menu = $("menu");
    menu.hidden = !items.length && !note;
    menu.replaceChildren(...items.map((item, index) =>
      h("div", { role: "option", class: index === 0 ? "active" : "", onmousedown: (event) => { event.preventDefault(); item.pick(); } }, item.node)));
    if (note) menu.append(h("p", {}, note));
  }

  move(step) {
    this.active = (this.active + step + this.items.length) % this.items.length;
    [...$("menu").children].forEach((node, index) => node.classList.toggle("active", index === this.active));
    $("menu").children[this.active]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const open = this.items.length > 0;
    if (open && event.key === "ArrowDown") { event.preventDefault(); this.move(1); }
    else if (open && event.key === "ArrowUp") { event.preventDefault(); this.move(-1); }
    else if (open && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey) {
      event.preventDefault();
      this.items[this.active].pick();
    } else if (event.key === "Escape") {
      this.command ? (this.plain(), this.focus()) : this.menu([]);
    } else if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); this.submit(); }
    else if (event.key === "Backspace" && this.command && !event.target.value) {
      event.preventDefault();
      this.plain("/" + this.command.label);
      this.focus();
      this.typed();
    }
  }

  // ------------------------------------------------------------ filling in a command

  begin(command) {
    this.command = command;
    this.menu([]);
    const all = options(command);
    const shown = all.filter((one) => one.required);
    const rest = all.filter((one) => !one.required);
    const more = h("span", { class: "more" }, rest.map((one) =>
      h("button", { type: "button", onclick: (event) => { event.target.replaceWith(); this.field(one).querySelector("input,select").focus(); } }, "+ " + one.name)));
    $("box").replaceChildren(h("span", { class: "cmd" }, "/" + command.label), h("span", { id: "fields" }), more,
      h("button", { class: "send", type: "submit" }, "Run"));
    shown.forEach((one) => this.field(one));
    ($("fields").querySelector("input,select") || $("box").querySelector(".send")).focus();
    $("box").querySelector(".send").addEventListener("keydown", (event) => { if (event.key === "Escape") { this.plain(); this.focus(); } });
  }

  field(option) {
    const field = h("label", { class: "opt", title: option.description }, h("span", {}, option.name), this.control(option));
    $("fields").append(field);
    return field;
  }

  control(option) {
    const shared = { name: option.name, required: Boolean(option.required), onkeydown: (event) => this.key(event) };
    if (option.choices?.length) return this.select(shared, option.choices.map((one) => [one.value, one.name]));
    if (option.type === BOOLEAN) return this.select(shared, [["true", "True"], ["false", "False"]]);
    const input = h("input", { ...shared, type: "text", placeholder: option.description, inputmode: [INTEGER, NUMBER].includes(option.type) ? "decimal" : null });
    const suggest = this.suggestions(option, input);
    if (suggest) {
      input.addEventListener("input", suggest);
      input.addEventListener("focus", suggest);
      input.addEventListener("blur", () => this.menu([]));
      input.addEventListener("input", () => { delete input.dataset.value; });
    } else {
      input.addEventListener("focus", () => this.menu([]));
    }
    return input;
  }

  select(shared, pairs) {
    return h("select", shared, h("option", { value: "" }, "choose…"), pairs.map(([value, label]) => h("option", { value: String(value) }, label)));
  }

  suggestions(option, input) {
    if ([USER, CHANNEL, ROLE, MENTIONABLE].includes(option.type)) {
      return () => {
        const wanted = input.value.toLowerCase().replace(/^[@#]/, "");
        const pairs = this.context.pickable({ [USER]: 5, [ROLE]: 6, [MENTIONABLE]: 7, [CHANNEL]: 8 }[option.type]);
        this.offer(input, pairs.filter(([, label]) => label.toLowerCase().includes(wanted)));
      };
    }
    if (!option.autocomplete) return null;
    let turn = 0;
    return async () => {
      const mine = ++turn;
      try {
        const shown = await call("POST", "/commands", { ...this.body({ [option.name]: input.value }), focused: option.name, wait: 3 });
        if (mine === turn && document.activeElement === input) this.offer(input, (shown.choices || []).map((one) => [one.value, one.name]));
      } catch (error) {
        this.context.fail(error.message);
      }
    };
  }

  offer(input, pairs) {
    this.menu(pairs.slice(0, 10).map(([value, label]) => ({
      node: [h("b", {}, String(label))],
      pick: () => {
        input.value = String(label);
        input.dataset.value = String(value);
        this.menu([]);
        this.next(input);
      },
    })));
  }

  next(input) {
    const all = [...$("box").querySelectorAll("#fields input, #fields select, .send")];
    all[all.indexOf(input) + 1]?.focus();
  }

  // ------------------------------------------------------------ sending

  body(extra = {}) {
    const values = {};
    for (const field of $("box").querySelectorAll("#fields input, #fields select")) {
      const value = field.dataset.value ?? field.value;
      if (value !== "") values[field.name] = value;
    }
    return {
      channel_id: this.context.channel, user_id: this.context.me, bot_id: this.command.bot_id,
      command: this.command.label, options: { ...values, ...extra },
    };
  }

  async submit() {
    $("error").hidden = true;
    const command = this.command;
    const text = command ? "/" + command.label : this.input.value;
    const direct = !command && flatten(this.context.commands()).find((one) => "/" + one.label === text.trim());
    if (direct) return this.begin(direct);
    if (!text.trim()) return;
    const [path, body] = command
      ? ["/commands", this.body()]
      : ["/messages", { channel_id: this.context.channel, user_id: this.context.me, content: text }];
    this.plain(); // at once: what is typed next belongs to the next message
    this.focus();
    try {
      await call("POST", path, body);
    } catch (error) {
      this.context.fail(error.message);
      if (!this.input.value) this.input.value = text;
    }
  }
}

function options(command) {
  return (command.options || []).filter((one) => one.type !== SUB && one.type !== GROUP);
}

function flatten(bots) {
  const found = [];
  const walk = (bot, command, path) => {
    const inner = (command.options || []).filter((one) => one.type === SUB || one.type === GROUP);
    if (inner.length) inner.forEach((one) => walk(bot, one, [...path, one.name]));
    else found.push({ ...command, label: path.join(" "), bot: bot.name, bot_id: bot.id });
  };
  for (const bot of bots) for (const command of bot.commands) if (command.type === 1) walk(bot, command, [command.name]);
  return found;
}
