"""Where it goes: senders of messages, and what their providers say of them afterwards."""
