// A tiny element builder: text is always text, never markup.
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== false));
}

export const $ = (id) => document.getElementById(id);

export async function call(method, path, body) {
  const answer = await fetch("/_admin" + path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const shown = await answer.json();
  if (!answer.ok) throw new Error(shown.error || answer.statusText);
  return shown;
}

// Files are linked by the server's public address, which this browser may not reach: use our own.
export function local(url) {
  const parsed = new URL(url, location.href);
  return parsed.pathname.startsWith("/cdn/") ? parsed.pathname : url;
}

export function time(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function hue(id) {
  let sum = 0;
  for (const c of String(id)) sum = (sum * 31 + c.charCodeAt(0)) % 360;
  return sum;
}

export function avatar(user, size = 40) {
  const name = user.global_name || user.username;
  const style = { "--hue": hue(user.id), width: `${size}px`, height: `${size}px`, "font-size": `${size * 0.42}px` };
  return h("span", { class: user.bot ? "avatar bot" : "avatar", style }, name.slice(0, 1).toUpperCase());
}
