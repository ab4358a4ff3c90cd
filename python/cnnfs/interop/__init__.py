"""Models from other libraries and to them. No other library is imported before it is needed."""
