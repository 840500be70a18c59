"""A plugin for tornado-chat that repeats louder what is said."""
