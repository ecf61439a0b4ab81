// Stock @discordjs/ws, told nothing but the address. Prints one JSON line for READY, RESUMED and
// each message. argv: API base without the version; the token is in JUDGE_TOKEN.
import { REST } from "@discordjs/rest";
import { CompressionMethod, WebSocketManager, WebSocketShardEvents } from "@discordjs/ws";

const GUILDS = 1, GUILD_MESSAGES = 1 << 9, MESSAGE_CONTENT = 1 << 15;
const token = process.env.JUDGE_TOKEN;
const rest = new REST({ api: process.argv[2].replace(/\/v10$/, ""), version: "10" }).setToken(token);
const manager = new WebSocketManager({
  token,
  rest,
  intents: GUILDS | GUILD_MESSAGES | MESSAGE_CONTENT,
  compression: CompressionMethod.ZlibNative,
});
const say = (fact) => console.log(JSON.stringify(fact));
manager.on(WebSocketShardEvents.Ready, (_, shard) => say({ ready: shard }));
manager.on(WebSocketShardEvents.Resumed, (shard) => say({ resumed: shard }));
manager.on(WebSocketShardEvents.Dispatch, (payload) => {
  if (payload.t === "MESSAGE_CREATE") say({ message: payload.d.id });
});
await manager.connect();
