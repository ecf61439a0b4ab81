"""Gateway v10: sessions, replay, intents, limits and the WebSocket itself."""
