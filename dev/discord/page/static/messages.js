// Messages, embeds, files and components.
import { avatar, call, h, local, time } from "./dom.js";
import { inline, markdown } from "./markdown.js";

const LOADING = 1 << 7;
const EPHEMERAL = 1 << 6;
const colour = (number) => "#" + Number(number).toString(16).padStart(6, "0");
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

export function message(data, context, previous) {
  const joined = previous && previous.author.id === data.author.id && !data.interaction_metadata
    && !data.message_reference && new Date(data.timestamp) - new Date(previous.timestamp) < 300000;
  const loading = Boolean(data.flags & LOADING);
  const ephemeral = Boolean(data.flags & EPHEMERAL);
  const name = context.displayName(data.author);
  const mine = data.mentions?.some((user) => user.id === context.me);
  const kind = ["msg", joined && "joined", ephemeral && "ephemeral", mine && "pinged"];
  return h("article", { class: kind.filter(Boolean).join(" "), "data-id": data.id },
    origin(data, context),
    joined ? h("span", { class: "gutter" }, time(data.timestamp)) : avatar(data.author),
    h("div", { class: "body" },
      !joined && h("div", { class: "head" },
        h("strong", { style: { color: context.nameColour(data.author.id) } }, name),
        data.author.bot && h("span", { class: "tag" }, "APP"),
        h("time", {}, time(data.timestamp))),
      loading
        ? h("div", { class: "thinking" }, h("i"), h("i"), h("i"), ` ${name} is thinking…`)
        : data.content && markdown(data.content, context),
      data.edited_timestamp && data.content && !data.interaction_metadata && h("span", { class: "edited" }, "(edited)"),
      data.embeds.map((item) => embed(item, context)),
      files(data),
      h("div", { class: "components" }, data.components.map((item) => component(item, data, context))),
      reactions(data, context),
      ephemeral && h("div", { class: "only" }, "Only you can see this")));
}

function origin(data, context) {
  const by = data.interaction_metadata;
  if (by && by.name) {
    return h("div", { class: "origin" }, avatar(by.user, 16), h("b", {}, context.displayName(by.user)),
      " used ", h("span", { class: "mention" }, "/" + by.name));
  }
  const target = data.referenced_message;
  if (!target) return null;
  return h("div", { class: "origin" }, avatar(target.author, 16), h("b", {}, context.displayName(target.author)),
    " ", target.content.slice(0, 80));
}

function embed(item, context) {
  const text = (value) => inline(value, context);
  return h("div", { class: "embed", style: item.color !== undefined && item.color !== null ? { "--bar": colour(item.color) } : {} },
    item.thumbnail && h("img", { class: "thumb", src: local(item.thumbnail.url), alt: "" }),
    item.author && h("div", { class: "by" }, item.author.name),
    item.title && h("div", { class: "title" }, item.url ? h("a", { href: item.url, rel: "noreferrer noopener", target: "_blank" }, text(item.title)) : text(item.title)),
    item.description && markdown(item.description, context),
    item.fields?.length > 0 && h("div", { class: "fields" }, item.fields.map((field) =>
      h("div", { class: field.inline ? "field" : "field wide" },
        h("b", {}, text(field.name)), markdown(field.value, context)))),
    item.image && picture(item.image.url, item.title || "picture", item.image),
    (item.footer || item.timestamp) && h("div", { class: "foot" }, item.footer?.text,
      item.footer && item.timestamp && " · ", item.timestamp && new Date(item.timestamp).toLocaleString()));
}

function picture(url, alt, size = {}) {
  const address = local(url);
  return h("a", { class: "picture", href: address, target: "_blank", rel: "noreferrer noopener" },
    h("img", { src: address, alt, width: size.width ? String(size.width) : null, height: size.height ? String(size.height) : null }));
}

function files(data) {
  const used = JSON.stringify([data.embeds, data.components]);
  return data.attachments.filter((file) => !used.includes(file.url) && !used.includes("attachment://" + file.filename)).map((file) =>
    file.content_type.startsWith("image/")
      ? picture(file.url, file.description || file.filename, file)
      : h("a", { class: "file", href: local(file.url), download: file.filename }, file.filename,
        h("small", {}, ` ${file.size.toLocaleString()} bytes`)));
}

function reactions(data, context) {
  if (!data.reactions?.length) return null;
  return h("div", { class: "reactions" }, data.reactions.map((item) =>
    h("button", { type: "button", onclick: () => context.react(data, item.emoji.name) },
      item.emoji.name, " ", String(item.count))));
}

function component(item, data, context) {
  const inner = () => (item.components || []).map((one) => component(one, data, context));
  const press = (values) => use(item, data, context, values);
  switch (item.type) {
    case 1: return h("div", { class: "row" }, inner());
    case 2: return button(item, press);
    case 3: case 5: case 6: case 7: case 8: return menu(item, context, press);
    case 9: return h("div", { class: "section" }, h("div", {}, inner()), item.accessory && component(item.accessory, data, context));
    case 10: return markdown(item.content, context);
    case 11: return h("img", { class: "thumb", src: media(item.media, data), alt: item.description || "" });
    case 12: return h("div", { class: "gallery" }, item.items.map((one) => picture(media(one.media, data), one.description || "picture")));
    case 13: return h("a", { class: "file", href: media(item.file, data) }, media(item.file, data).split("/").pop());
    case 14: return h("hr", { class: item.divider === false ? "bare" : "" });
    case 17: return h("div", { class: "embed container", style: item.accent_color ? { "--bar": colour(item.accent_color) } : {} }, inner());
    default: return null;
  }
}

function media(link, data) {
  const name = link.url.startsWith("attachment://") && link.url.slice(13);
  const file = name && data.attachments.find((one) => one.filename === name);
  return local(file ? file.url : link.url);
}

function button(item, press) {
  const label = [item.emoji?.name, item.emoji && item.label ? " " : "", item.label];
  if (item.style === 5) return h("a", { class: "btn link", href: item.url, target: "_blank", rel: "noreferrer noopener" }, label);
  return h("button", { type: "button", class: "btn " + STYLES[item.style], disabled: Boolean(item.disabled), onclick: () => press() }, label);
}

function menu(item, context, press) {
  const choices = item.type === 3 ? item.options : context.pickable(item.type).map(([value, label]) => ({ value, label }));
  return h("select", { class: "pick", disabled: Boolean(item.disabled), onchange: (event) => press([event.target.value]) },
    h("option", { value: "", disabled: true, selected: true }, item.placeholder || "Choose"),
    choices.map((one) => h("option", { value: one.value }, one.label)));
}

async function use(item, data, context, values) {
  try {
    await call("POST", "/components", {
      channel_id: data.channel_id, message_id: data.id, user_id: context.me,
      custom_id: item.custom_id, values,
    });
  } catch (error) {
    context.fail(error.message);
  }
}
