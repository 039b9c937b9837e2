"""Look after the person who talks to an AI: levels, precedence, prepared help. Values in, values out."""
