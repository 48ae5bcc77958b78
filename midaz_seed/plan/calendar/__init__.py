"""The days of a history: business days, how much happens on each day and in each hour, and time stamps. Pure."""
