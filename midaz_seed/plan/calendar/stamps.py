from datetime import datetime, timedelta


class Stamper:
    def __init__(self, zone):
        self.off = 10800 if zone != "UTC" else 0

    def _d(self, day, second):
        return datetime(1, 1, 1) + timedelta(days=day - 1, seconds=second + self.off)

    def text(self, day, second):
        return self._d(day, second).strftime("%Y-%m-%dT%H:%M:%SZ")

    def utc_minute(self, day, second):
        return self._d(day, second).strftime("%Y%m%d%H%M")

    def end_of(self, day):
        return self._d(day, 86399).strftime("%Y-%m-%d %H:%M:%S")
