// The part of Discord's markdown that bots use, turned into nodes.
import { h } from "./dom.js";

const RULES = [
  [/^```(?:\w+\n)?([\s\S]+?)```/, (m) => h("pre", {}, m[1])],
  [/^`([^`]+)`/, (m) => h("code", {}, m[1])],
  [/^\*\*([\s\S]+?)\*\*/, (m, c) => h("strong", {}, inline(m[1], c))],
  [/^__([\s\S]+?)__/, (m, c) => h("u", {}, inline(m[1], c))],
  [/^~~([\s\S]+?)~~/, (m, c) => h("s", {}, inline(m[1], c))],
  [/^\|\|([\s\S]+?)\|\|/, (m, c) => h("span", { class: "spoiler", tabindex: "0" }, inline(m[1], c))],
  [/^\*([^*\n]+)\*/, (m, c) => h("em", {}, inline(m[1], c))],
  [/^_([^_\n]+)_(?!\w)/, (m, c) => h("em", {}, inline(m[1], c))],
  [/^<@!?(\d+)>/, (m, c) => mention("@" + (c.userName(m[1]) || "unknown"))],
  [/^<@&(\d+)>/, (m, c) => mention("@" + (c.roleName(m[1]) || "role"))],
  [/^<#(\d+)>/, (m, c) => mention("#" + (c.channelName(m[1]) || "channel"))],
  [/^<\/([^:>]+):\d+>/, (m) => mention("/" + m[1])],
  [/^<t:(\d+)(?::([tTdDfFR]))?>/, (m) => h("time", { class: "stamp" }, stamp(Number(m[1]), m[2]))],
  [/^\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/, (m) => link(m[2], m[1])],
  [/^https?:\/\/[^\s<>)]+/, (m) => link(m[0], m[0])],
];

const mention = (text) => h("span", { class: "mention" }, text);
const link = (href, text) => h("a", { href, rel: "noreferrer noopener", target: "_blank" }, text);

function stamp(seconds, style = "f") {
  const date = new Date(seconds * 1000);
  if (style === "R") {
    const left = seconds - Date.now() / 1000;
    const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
    const [unit, size] = units.find(([, s]) => Math.abs(left) >= s) || units[3];
    return new Intl.RelativeTimeFormat("en").format(Math.round(left / size), unit);
  }
  if (style === "t" || style === "T") return date.toLocaleTimeString();
  if (style === "d" || style === "D") return date.toLocaleDateString();
  return date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

export function inline(text, context) {
  const nodes = [];
  let plain = "";
  while (text) {
    const rule = RULES.find(([pattern]) => pattern.test(text));
    if (rule) {
      const match = rule[0].exec(text);
      if (plain) nodes.push(plain);
      plain = "";
      nodes.push(rule[1](match, context));
      text = text.slice(match[0].length);
    } else {
      plain += text[0];
      text = text.slice(1);
    }
  }
  if (plain) nodes.push(plain);
  return nodes;
}

export function markdown(text, context) {
  if (text.includes("```")) return h("div", { class: "md" }, inline(text, context));
  const lines = text.split("\n").map((line) => {
    const heading = /^(#{1,3}) (.+)/.exec(line);
    if (heading) return h("div", { class: `h h${heading[1].length}` }, inline(heading[2], context));
    if (line.startsWith("-# ")) return h("div", { class: "small" }, inline(line.slice(3), context));
    if (line.startsWith("> ")) return h("blockquote", {}, inline(line.slice(2), context));
    const item = /^(\s*)[-*] (.+)/.exec(line);
    if (item) return h("div", { class: "li" }, inline(item[2], context));
    return h("div", { class: "line" }, line ? inline(line, context) : "\u200b");
  });
  return h("div", { class: "md" }, lines);
}
