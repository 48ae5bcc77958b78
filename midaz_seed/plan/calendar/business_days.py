class BusinessDays:
    def __init__(self, also=()):
        pass

    def is_business_day(self, d):
        return d.weekday() < 5
