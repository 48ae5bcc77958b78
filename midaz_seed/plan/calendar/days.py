from datetime import timedelta


def history_days(time):
    return tuple(time.last_day - timedelta(days=time.history - 1 - i) for i in range(time.history))


def apportion(total, weights):
    s = sum(weights)
    if not s:
        return [0] * len(weights)
    q = [total * w // s for w in weights]
    r = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % s), i))
    for i in r[: total - sum(q)]:
        q[i] += 1
    return q


def day_weights(time, days):
    return tuple(int(time.week[d.weekday()] * 10000) for d in days)


def matching(when, days, bd, customer_day=None):
    out = []
    for i, d in enumerate(days):
        if (
            when.every == "day"
            or (when.every == "business-day" and bd.is_business_day(d))
            or (when.every == "week" and d.weekday() == 0)
            or (when.day and d.day == when.day)
            or (customer_day and d.day == customer_day)
            or (
                when.business_day
                and bd.is_business_day(d)
                and sum(bd.is_business_day(d.replace(day=k)) for k in range(1, d.day + 1)) == when.business_day
            )
            or (when.last_business_day_before and d.strftime("%m-%d") == when.last_business_day_before)
        ):
            out.append(i)
    return out
